/** A gateway that only follows its stream, and an agent that only asks: over real TLS, invited through the admin API. */
import type { Test } from 'tap';
import type { Dispatcher } from 'undici';
import { agentBootstrap, agentToController } from '../../../shared/contracts/agent-to-controller.ts';
import type { GatewayFinding } from '../../../shared/contracts/app-check.ts';
import {
  type CutOrder,
  gatewayBootstrap,
  gatewayToController,
  type StreamChange,
  type StreamLine,
} from '../../../shared/contracts/gateway-to-controller.ts';
import type { DoorMode } from '../../../shared/contracts/knock.ts';
import { makeCsr } from '../../../shared/crypto/csr.ts';
import { generateKeyPair } from '../../../shared/crypto/keys.ts';
import { currentTotp } from '../../../shared/crypto/totp.ts';
import { type Client, callContract } from '../../../shared/wire/call-contract.ts';
import { decodeInvitation } from '../../../shared/wire/invitation.ts';
import { makeDispatcher } from '../../../shared/wire/make-dispatcher.ts';
import { type ClientTls, clientTlsOptions } from '../../../shared/wire/mutual-tls.ts';
import { readNdjson } from '../../../shared/wire/ndjson.ts';
import { fetchPinnedRoot } from '../../../shared/wire/pinned-root.ts';
import type { RunController } from './run-controller.ts';

async function open(t: Test, controller: RunController, text: string) {
  const { u, c, p: pin, k: code } = decodeInvitation(text);
  const [host = '', port] = u.split(':');
  const bundle = [await fetchPinnedRoot({ host, port: Number(port), pin })];
  const trust: ClientTls = { bundle, trustDomain: 'test.example', role: 'controller', clock: controller.clock };
  const dispatcherOf = (own: Partial<ClientTls>) => {
    const dispatcher = makeDispatcher(() => clientTlsOptions({ ...trust, ...own }));
    t.teardown(() => dispatcher.destroy());
    return dispatcher;
  };
  return {
    code,
    stranger: { dispatcher: dispatcherOf({}), origin: `https://${u}` },
    dispatcherOf,
    origin: `https://${c}`,
  };
}

export interface FakeGateway {
  readonly cuts: CutOrder[];
  readonly changes: StreamChange[];
  /** The last one. */
  snapshot: Extract<StreamLine, { t: 'snapshot' }> | undefined;
  /** Number of the last message. */
  readonly seen: () => number;
  /** While false, it reads and confirms nothing. */
  confirms: boolean;
  /** What it says when it is asked to try an app; nothing when undefined. */
  finds: (app: string) => GatewayFinding | undefined;
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  readonly calls: Client<typeof gatewayToController>;
  readonly generation: () => string;
  /** The connections under `calls`, for what no client of a contract would send. */
  readonly place: { readonly dispatcher: Dispatcher; readonly origin: string };
}

export async function joinGateway(
  t: Test,
  controller: RunController,
  id: string,
  site = 'main',
  door: DoorMode = 'none',
): Promise<FakeGateway> {
  const { invitation } = await controller
    .as({ reason: 'test' })
    .inviteGateway({ body: { id, site, address: '127.0.0.1:8444' } });
  const { code, stranger, dispatcherOf, origin } = await open(t, controller, invitation);
  const keys = generateKeyPair();
  const joined = await callContract(gatewayBootstrap, stranger).join({
    body: { code, csr: makeCsr(keys), version: 1 },
  });
  const { certificate, chain } = joined;
  const dispatcher = dispatcherOf({ key: keys.privateKey, certificate, chain });
  const calls = callContract(gatewayToController, { dispatcher, origin });
  const bytes = await calls.stream({ query: door === 'none' ? {} : { door } });
  let last = 0;
  let ready: () => void;
  const first = new Promise<void>((resolve) => {
    ready = resolve;
  });
  let generation = '';
  const follow = async () => {
    for await (const value of readNdjson(bytes)) {
      const message = value as StreamLine;
      if (message.t === 'check') {
        const finding = gateway.finds(message.app);
        if (finding !== undefined) await calls.checked({ body: { id: message.id, finding } });
        continue;
      }
      if (message.t === 'cut') {
        gateway.cuts.push(message);
        if (gateway.confirms) await calls.cutDone({ body: { id: message.id, streams: 3 } });
        continue;
      }
      if (message.t === 'snapshot') {
        generation = message.generation;
        gateway.snapshot = message;
      }
      if (message.t === 'change') gateway.changes.push(...message.changes);
      last = message.n;
      if (message.t === 'heartbeat' || !gateway.confirms) continue;
      const cut = message.t === 'change' && message.changes.some(({ kind }) => kind === 'revoke');
      const closed = cut ? [{ n: message.n, streams: 2 }] : [];
      await calls.applied({ body: { generation, through: message.n, closed } });
      ready();
    }
  };
  const gateway: FakeGateway = {
    changes: [],
    cuts: [],
    snapshot: undefined,
    seen: () => last,
    confirms: true,
    finds: () => undefined,
    ended: Promise.resolve().then(() => follow().catch(() => undefined)),
    calls,
    generation: () => generation,
    place: { dispatcher, origin },
  };
  await first;
  return gateway;
}

/** Enrols a device of a person who never had factors, sets them and signs in. */
export async function enrolAgent(t: Test, controller: RunController, person: string) {
  const { invitation } = await controller.as({ reason: 'test' }).invite({ body: { person } });
  const { code, stranger, dispatcherOf, origin } = await open(t, controller, invitation);
  const keys = generateKeyPair();
  const facts = { os: 'linux', hostName: 'laptop' } as const;
  const body = { code, csr: makeCsr(keys), facts, version: 1 };
  const { device, certificate, chain } = await callContract(agentBootstrap, stranger).enrol({ body });
  let secret: string | undefined;
  const place = { dispatcher: dispatcherOf({ key: keys.privateKey, certificate, chain }), origin };
  const call = callContract(agentToController, {
    ...place,
    headers: (): Record<string, string> => (secret === undefined ? {} : { authorization: `Postern-Session ${secret}` }),
  });
  const { flow } = await call.signIn({ body: { purpose: 'sign-in' } });
  const params = { flow };
  await call.setPassword({ params, body: { password: 'violet ladder 47 harbour' } });
  const { totp } = await call.setTotp({ params, body: {} });
  const now = controller.clock.now();
  const done = await call.confirmTotp({ params, body: { code: currentTotp(totp!.secret, now) } });
  secret = done.session!.secret;
  const { recoveryCodes = [], session } = done;
  return { call, device, place, stranger, secret, keys, certificate, recoveryCodes, session, totp: totp!.secret };
}

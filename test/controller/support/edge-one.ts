/** Both servers of the controller on loopback, and agents that enrol and sign in over real TLS. */
import type { KeyObject } from 'node:crypto';
import type { Test } from 'tap';
import { openKnockSecrets } from '../../../controller/authority/knock-secrets.ts';
import { openLogSigners } from '../../../controller/authority/log-keys.ts';
import { AgentEvents } from '../../../controller/from-agents/agent-events.ts';
import { makeBootstrapServer } from '../../../controller/from-agents/bootstrap-server.ts';
import { deviceRoutes } from '../../../controller/from-agents/device-routes.ts';
import { eventRoutes } from '../../../controller/from-agents/event-routes.ts';
import { meRoutes } from '../../../controller/from-agents/me-routes.ts';
import { type MutualServer, makeMutualServer } from '../../../controller/from-agents/mutual-server.ts';
import { signInRoutes } from '../../../controller/from-agents/sign-in-routes.ts';
import { createInvitation, type InvitationOrder } from '../../../controller/identity/invitations.ts';
import { PosternError } from '../../../shared/base/errors.ts';
import { type Log, silentLog } from '../../../shared/base/log.ts';
import { agentBootstrap, agentToController } from '../../../shared/contracts/agent-to-controller.ts';
import { gatewayBootstrap, gatewayToController } from '../../../shared/contracts/gateway-to-controller.ts';
import { myAccount } from '../../../shared/contracts/my-account.ts';
import { makeCsr } from '../../../shared/crypto/csr.ts';
import { generateKeyPair, type KeyPair } from '../../../shared/crypto/keys.ts';
import { currentTotp } from '../../../shared/crypto/totp.ts';
import { callContract } from '../../../shared/wire/call-contract.ts';
import { decodeInvitation } from '../../../shared/wire/invitation.ts';
import { makeDispatcher } from '../../../shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '../../../shared/wire/mutual-tls.ts';
import { openTestController, type TestController } from './open-controller.ts';

/** Routes of other parts: present, so that the servers start, and answering nothing. */
const elsewhere = async (): Promise<never> => {
  throw new PosternError('not-found', 'not part of this test');
};

export interface TestEdge extends TestController {
  readonly origin: { readonly bootstrap: string; readonly mutual: string };
  readonly mutual: MutualServer;
  /** A stranger's calls, verified against the bundle. */
  readonly stranger: ReturnType<typeof strangerCalls>;
  invite(order: Partial<InvitationOrder> & { subject: string }): Promise<string>;
  addPerson(id: string, role?: string): Promise<void>;
  enrol(code: string, more?: { serial?: string; keys?: KeyPair }): Promise<TestAgent>;
  /** The code of the owner's first invitation. */
  readonly ownerCode: string;
}

export type TestAgent = Awaited<ReturnType<typeof enrolAgent>>;

export async function startEdge(t: Test, log: Log = silentLog): Promise<TestEdge> {
  const controller = await openTestController(t);
  const { store, clock } = controller;
  let controllers: string[] = [];
  const reserve = { requireRoom: () => {} };
  const secrets = await openKnockSecrets({ db: store.db, sealer: controller.sealer });
  // A gateway that joins is told the key of the log.
  await openLogSigners(store.db, { sealer: controller.sealer, at: clock.now(), origin: 'test.example' });
  const door = { told: () => ({ door: 'none' as const }), secrets, admitted: async () => {} } as const;
  const bootstrap = makeBootstrapServer({ ...controller, log, reserve, door, controllers: () => controllers });
  const events = new AgentEvents({ db: store.db, clock, log: silentLog });
  const agents = {
    ...deviceRoutes(controller),
    ...signInRoutes(controller),
    device: elsewhere,
    posture: elsewhere,
    apps: async () => ({ apps: [] }),
    grants: elsewhere,
    ...eventRoutes({ db: store.db, events }),
  };
  const gateways = {
    renew: elsewhere,
    identityKey: async () => {},
    stream: elsewhere,
    applied: elsewhere,
    checked: elsewhere,
    condition: elsewhere,
    cutDone: elsewhere,
    records: elsewhere,
    checkpoint: elsewhere,
  };
  const mutual = makeMutualServer({ ...controller, log, reserve, agents, me: meRoutes(controller), gateways });
  const at = { host: '127.0.0.1', port: 0 };
  const origin = {
    bootstrap: `https://127.0.0.1:${await bootstrap.listen(at)}`,
    mutual: `https://127.0.0.1:${await mutual.listen(at)}`,
  };
  controllers = [origin.mutual.slice('https://'.length)];
  t.teardown(async () => {
    events.stop();
    await bootstrap.stop();
    await mutual.stop();
  });
  const edge: TestEdge = {
    ...controller,
    origin,
    mutual,
    stranger: strangerCalls(t, controller, origin.bootstrap),
    ownerCode: decodeInvitation(controller.first.invitation).k,
    async invite(order) {
      const full = { kind: 'device', createdBy: 'test', ...order } as const;
      return (await store.db.transaction().execute((trx) => createInvitation(trx, clock.now(), full))).code;
    },
    async addPerson(id, role = 'employee') {
      const row = { id, name: `Person ${id}`, email: null, role, state: 'active', risk: 0, created_at: clock.now() };
      await store.db
        .insertInto('people')
        .values({ ...row, last_sign_in_at: null, had_factors: 0 })
        .execute();
    },
    enrol: (code, more) => enrolAgent(t, edge, code, more),
  };
  return edge;
}

function strangerCalls(t: Test, { authority, clock }: TestController, origin: string) {
  const { trustDomain } = authority;
  const tls = () => clientTlsOptions({ bundle: authority.bundle(), trustDomain, role: 'controller', clock });
  const dispatcher = makeDispatcher(tls);
  t.teardown(() => dispatcher.destroy());
  return {
    agent: callContract(agentBootstrap, { dispatcher, origin }),
    gateway: callContract(gatewayBootstrap, { dispatcher, origin }),
  };
}

export interface Holder {
  readonly privateKey: KeyObject;
  readonly certificate: string;
  readonly chain: readonly string[];
}

/** Calls of the mutual server with a certificate. */
export function peerCalls(
  t: Test,
  { authority, clock, origin }: TestEdge,
  holder: Holder,
  secret: () => string | undefined,
) {
  const { trustDomain } = authority;
  const { privateKey: key, certificate, chain } = holder;
  const tls = () =>
    clientTlsOptions({ bundle: authority.bundle(), trustDomain, role: 'controller', clock, key, certificate, chain });
  const dispatcher = makeDispatcher(tls);
  t.teardown(() => dispatcher.destroy());
  const headers = (): Record<string, string> => {
    const value = secret();
    return value === undefined ? {} : { authorization: `Postern-Session ${value}` };
  };
  const options = { dispatcher, origin: origin.mutual, headers };
  return {
    call: callContract(agentToController, options),
    me: callContract(myAccount, options),
    gateway: callContract(gatewayToController, options),
  };
}

const facts = { os: 'linux', hostName: 'laptop' } as const;
export const goodPassword = 'violet ladder 47 harbour';

async function enrolAgent(t: Test, edge: TestEdge, code: string, more: { serial?: string; keys?: KeyPair } = {}) {
  const keys = more.keys ?? generateKeyPair();
  const answer = await edge.stranger.agent.enrol({
    body: {
      code,
      csr: makeCsr(keys),
      facts: { ...facts, ...(more.serial === undefined ? {} : { serial: more.serial }) },
      version: 1,
    },
  });
  const state: { secret: string | undefined } = { secret: undefined };
  const { certificate, chain } = answer;
  const calls = peerCalls(t, edge, { privateKey: keys.privateKey, certificate, chain }, () => state.secret);
  const { call } = calls;

  /** Password and authenticator app for the first time; returns what the person then holds. */
  const signInFirst = async () => {
    const { flow } = await call.signIn({ body: { purpose: 'sign-in' } });
    return setFactors(flow);
  };
  const setFactors = async (flow: string) => {
    const params = { flow };
    await call.setPassword({ params, body: { password: goodPassword } });
    const { totp } = await call.setTotp({ params, body: {} });
    const done = await call.confirmTotp({ params, body: { code: currentTotp(totp!.secret, edge.clock.now()) } });
    state.secret = done.session!.secret;
    return { secret: totp!.secret, recoveryCodes: done.recoveryCodes!, session: done.session! };
  };
  /** With factors that the person has; the clock moves on, as each code is good once. */
  const signIn = async (secret: string) => {
    edge.clock.advance(30_000);
    const { flow } = await call.signIn({ body: { purpose: 'sign-in' } });
    await call.password({ params: { flow }, body: { password: goodPassword } });
    const done = await call.totp({ params: { flow }, body: { code: currentTotp(secret, edge.clock.now()) } });
    state.secret = done.session!.secret;
    return done.session!;
  };
  return { ...calls, answer, id: answer.device, keys, state, signInFirst, setFactors, signIn };
}

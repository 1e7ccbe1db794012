/** A controller that speaks edge 2 and decides nothing: streams what a test tells it, keeps what a gateway says. */

import { createHash, X509Certificate } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { randomSecret } from '#shared/base/bytes.ts';
import { systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import type { App } from '#shared/contracts/app.ts';
import type { GatewayFinding } from '#shared/contracts/app-check.ts';
import {
  type GatewayCondition,
  gatewayBootstrap,
  gatewayToController,
  type StreamMessage,
} from '#shared/contracts/gateway-to-controller.ts';
import type { SpooledRecord } from '#shared/contracts/record.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { spiffeId } from '#shared/crypto/spiffe.ts';
import { formatNoteKey } from '#shared/log/note-key.ts';
import { makeNoteSigner } from '#shared/log/note-signer.ts';
import { guardServer, requirePeer } from '#shared/wire/admit-peer.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { encodeInvitation } from '#shared/wire/invitation.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { type NdjsonWriter, writeNdjson } from '#shared/wire/ndjson.ts';
import { serveContract } from '#shared/wire/serve-contract.ts';
import { gatewayId, site, trustDomain, type World } from './gateway-world.ts';

interface Applied {
  readonly generation: string;
  readonly through: number;
  readonly closed: readonly { readonly n: number; readonly streams: number }[];
}

export async function startFakeController(world: World, apps: readonly App[]) {
  const own = await world.leaf('controller', 'ctl-1');
  const tls = {
    key: own.keys.privateKey,
    certificate: own.certificate,
    chain: own.chain,
    bundle: [world.root.certificate],
  };
  const code = randomSecret(16);
  const writers = new Set<NdjsonWriter>();
  const watchers = new Set<() => void>();
  const told = {
    applied: [] as Applied[],
    records: [] as SpooledRecord[],
    identityKeys: [] as unknown[],
    checked: [] as { readonly id: string; readonly finding: GatewayFinding }[],
    streams: [] as { generation?: string | undefined; after?: number | undefined }[],
    conditions: [] as GatewayCondition[],
    renewals: 0,
  };
  const changed = () => {
    for (const watcher of [...watchers]) watcher();
  };
  let state = world.snapshot(apps) as StreamMessage & { t: 'snapshot' };
  let lifeMs = 24 * 3_600_000;
  const logKey = formatNoteKey(makeNoteSigner(`${trustDomain}/log/1`, generateEd25519()).key);

  const issue = async (csr: string) => {
    const { pem } = await issueLeaf({
      issuer: world.issuer,
      publicKey: readCsr(csr),
      spiffeId: spiffeId(trustDomain, 'gateway', gatewayId),
      now: Date.now(),
      lifeMs,
    });
    return { certificate: pem, chain: [world.issuer.certificate], bundle: [world.root.certificate], trustDomain };
  };

  const mutual = createEdgeApp({ log: silentLog, tls: serverTlsOptions({ ...tls, mutual: true }) });
  guardServer(mutual.server as never, {
    trustDomain,
    roles: ['gateway'],
    clock: systemClock,
    denied: () => false,
    onRefused: () => {},
  });
  serveContract(
    mutual,
    gatewayToController,
    {
      renew: async ({ body }) => {
        told.renewals += 1;
        changed();
        return issue(body.csr);
      },
      identityKey: ({ body }) => {
        told.identityKeys.push(body.jwk);
        changed();
      },
      applied: ({ body }) => {
        told.applied.push(body);
        changed();
      },
      checked: ({ body }) => {
        told.checked.push(body);
        changed();
      },
      records: ({ body }) => {
        told.records.push(...body.records);
        changed();
        return { through: body.records.at(-1)!.seq };
      },
      cutDone: () => {},
      condition: ({ body }) => {
        told.conditions.push(body);
        changed();
      },
      checkpoint: () => ({ path: [], opened: [] }),
      async stream(call) {
        told.streams.push(call.query);
        const response = call.start();
        const writer = writeNdjson(response);
        const { generation, after } = call.query;
        if (generation === state.generation && after === state.n)
          writer.send({ t: 'heartbeat', n: state.n, time: Date.now() });
        else writer.send({ ...state, time: Date.now() });
        writers.add(writer);
        changed();
        await new Promise<void>((resolve) => response.once('close', () => resolve()));
        writers.delete(writer);
      },
    },
    { authorize: (_route, request) => requirePeer(request.raw.socket, 'gateway') },
  );
  const bootstrap = createEdgeApp({ log: silentLog, tls: serverTlsOptions({ ...tls, mutual: false }) });
  const place = await listenTcp(mutual, { host: '127.0.0.1', port: 0 });
  const address = `127.0.0.1:${place.port}`;
  const { renewalNonce, renewExpired } = agentBootstrap;
  serveContract(
    bootstrap,
    { ...gatewayBootstrap, renewalNonce, renewExpired },
    {
      join: async ({ body }) => {
        if (body.code !== code) throw new PosternError('code-refused');
        const issued = await issue(body.csr);
        return { gateway: gatewayId, site, controllers: [address], time: Date.now(), logKey, ...issued };
      },
      renewalNonce: () => ({ nonce: 'nonce-1' }),
      renewExpired: async ({ body }) => {
        told.renewals += 1;
        return issue(body.csr);
      },
    },
    { authorize: () => undefined },
  );
  const bootstrapPlace = await listenTcp(bootstrap, { host: '127.0.0.1', port: 0 });
  const pin = createHash('sha256').update(new X509Certificate(world.root.certificate).raw).digest('hex');
  const send = (message: object) => {
    for (const writer of writers) writer.send(message);
  };

  return {
    told,
    address,
    pin,
    invitation: encodeInvitation({
      v: 1,
      u: `127.0.0.1:${bootstrapPlace.port}`,
      c: address,
      p: pin,
      k: code,
      r: 'gateway',
      o: 'Test',
    }),
    /** Sends one change to every stream, and makes it part of what a later snapshot holds. */
    change(changes: object[], into: Partial<StreamMessage> = {}): number {
      const after = state.n;
      state = { ...state, ...into, n: after + 1 } as typeof state;
      send({ t: 'change', after, n: state.n, time: Date.now(), changes });
      return state.n;
    },
    revoke(kind: string, id: string): number {
      const seen = state.n + 1;
      const revocation = { kind, id, seen, until: Date.now() + 310_000, reason: 'revoked' };
      return this.change([{ kind: 'revoke', revocations: [revocation] }], {
        revocations: [...state.revocations, revocation],
      } as Partial<StreamMessage>);
    },
    /** Anything, as it is. */
    send,
    heartbeat: () => send({ t: 'heartbeat', n: state.n, time: Date.now() }),
    setLife(ms: number) {
      lifeMs = ms;
    },
    newGeneration(generation: string) {
      state = { ...state, generation };
    },
    cutStreams() {
      for (const writer of writers) writer.end();
    },
    /** Resolves when `test` holds for what gateways have told. */
    async until(test: (heard: typeof told) => boolean): Promise<void> {
      while (!test(told)) {
        await new Promise<void>((resolve) => {
          const watcher = () => {
            watchers.delete(watcher);
            resolve();
          };
          watchers.add(watcher);
        });
      }
    },
    async stop() {
      const close = (app: FastifyInstance) => app.close();
      await Promise.all([close(mutual), close(bootstrap)]);
    },
  };
}
export type FakeController = Awaited<ReturnType<typeof startFakeController>>;

/** A controller for tests of the agent: the real contracts over real TLS, with answers that a test can change. */
import type { FastifyRequest } from 'fastify';
import { type Clock, hour, systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import {
  type AgentEvent,
  type AppListed,
  agentBootstrap,
  agentToController,
} from '#shared/contracts/agent-to-controller.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { Contract, RouteShape } from '#shared/contracts/route.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import type { Role } from '#shared/crypto/spiffe.ts';
import { guardServer } from '#shared/wire/admit-peer.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { encodeInvitation } from '#shared/wire/invitation.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { type Handlers, serveContract } from '#shared/wire/serve-contract.ts';
import { type SseWriter, writeSse } from '#shared/wire/sse.ts';
import type { TestCa } from './test-ca.ts';

export interface Caller {
  readonly secret: string | undefined;
}
type Edge = Handlers<typeof agentToController, Caller>;
type Boot = Handlers<typeof agentBootstrap, Caller>;

export interface FakeEdgeOptions {
  readonly ca: TestCa;
  /** The role in the certificates that the servers show; `controller` unless told. */
  readonly role?: Role;
  readonly bootstrapRole?: Role;
  readonly clock?: Clock;
  /** Of the certificates it issues. */
  readonly lifeMs?: number;
}

export const deviceId = 'dev_0000000000000001';
export const sessionId = 'ses_0000000000000001';
export const secret = 'session-secret';
export const code = 'a'.repeat(22);

/** Looks like a JWS to the agent, which reads only `use`. */
export function fakeGrant(id: string, use: 'many' | 'once' = 'many'): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256', typ: 'postern-grant+jwt', kid: 'k' })}.${part({ jti: id, use })}.${'A'.repeat(86)}`;
}

interface Test {
  teardown(close: () => unknown): void;
}

export type FakeEdge = Awaited<ReturnType<typeof startFakeEdge>>;

export async function startFakeEdge(t: Test, options: FakeEdgeOptions) {
  const { ca, role = 'controller', bootstrapRole = role, clock = systemClock, lifeMs = 24 * hour } = options;
  const called: string[] = [];
  const streams = new Set<SseWriter>();
  const waiting: { name: string; resolve: () => void }[] = [];
  let apps: AppListed[] = [];
  let grants = 0;
  const issue = async (csr: string) => {
    const leaf = await ca.issue(readCsr(csr), 'device', deviceId, { now: clock.now(), lifeMs });
    return {
      certificate: leaf.certificate,
      chain: [...leaf.chain],
      bundle: [...leaf.bundle],
      trustDomain: ca.trustDomain,
    };
  };
  const person = { id: 'alice', name: 'Alice' };
  const state = (step: 'password' | 'done') => ({
    flow: 'flow_00000001',
    purpose: 'sign-in' as const,
    person,
    step,
    methods: step === 'done' ? [] : (['password'] as 'password'[]),
    expiresInMs: 300_000,
  });
  const refuse = () => {
    throw new PosternError('not-found');
  };
  const edge: { -readonly [N in keyof Edge]: Edge[N] } = {
    renew: ({ body }) => issue(body.csr),
    rekey: ({ body }) => issue(body.csr),
    device: () => ({
      id: deviceId,
      name: 'laptop',
      state: 'active',
      ownership: 'company',
      person,
      fingerprint: '1a2b',
      organisation: 'Example',
      postureSeconds: 300,
      checks: [],
      time: clock.now(),
    }),
    signIn: () => state('password'),
    password: ({ body }) => {
      if (body.password !== 'right') throw new PosternError('sign-in-refused');
      return { ...state('done'), session: { id: sessionId, secret, expiresInMs: 12 * hour, idleInMs: hour } };
    },
    totp: refuse,
    recoveryCode: refuse,
    setPassword: refuse,
    setTotp: refuse,
    confirmTotp: refuse,
    signOut: () => {},
    posture: () => ({ accepted: 1, facts: [] }),
    apps: () => ({ apps }),
    grants: () => {
      grants += 1;
      const id = `gr_${String(grants).padStart(8, '0')}`;
      return { grant: fakeGrant(id), id, expiresInMs: 60_000, scope: 'app' as const, gateways: [] };
    },
    events: async ({ start }) => {
      const writer = writeSse(start());
      streams.add(writer);
      writer.send({ type: 'hello', time: clock.now() });
      await writer.closed;
      streams.delete(writer);
    },
  };
  const boot: { -readonly [N in keyof Boot]: Boot[N] } = {
    meta: () => ({
      protocol: 1,
      oldestAgent: 1,
      trustDomain: ca.trustDomain,
      bundle: [...ca.bundle],
      controllers: [mutual.address],
      time: clock.now(),
    }),
    enrol: async ({ body }) => {
      if (body.code !== code) throw new PosternError('code-refused');
      return {
        device: deviceId,
        person,
        organisation: 'Example',
        state: 'active' as const,
        firstFactors: false,
        fingerprint: '1a2b',
        controllers: [mutual.address],
        time: clock.now(),
        ...(await issue(body.csr)),
      };
    },
    renewalNonce: () => ({ nonce: 'nonce-1' }),
    renewExpired: ({ body }) => issue(body.csr),
  };

  const authorize = (route: RouteShape, request: FastifyRequest): Caller => {
    const given = request.headers.authorization?.replace('Postern-Session ', '');
    if (route.access === 'session' && given !== secret) throw new PosternError('session-required');
    return { secret: given };
  };
  const open = async (contracts: readonly [Contract, object][], as: Role, isMutual: boolean) => {
    const own = await ca.leaf(as, 'c1');
    const app = createEdgeApp({ log: silentLog, tls: serverTlsOptions({ ...own, mutual: isMutual }) });
    for (const [contract, handlers] of contracts) {
      const table: Record<string, (call: never) => unknown> = {};
      for (const name of Object.keys(contract)) {
        // Looked up at each call, so that a test may change one answer.
        table[name] = (call) => {
          called.push(name);
          for (const one of waiting.splice(0)) {
            if (one.name === name) one.resolve();
            else waiting.push(one);
          }
          return (handlers as Record<string, (call: never) => unknown>)[name]!(call);
        };
      }
      serveContract(app, contract, table as never, { authorize });
    }
    if (isMutual) {
      const rules = { trustDomain: ca.trustDomain, roles: ['device'] as const, clock, denied: () => false };
      guardServer(app.server as never, { ...rules, onRefused: () => {} });
    }
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    t.teardown(() => app.close());
    return { app, address: new URL(origin).host };
  };
  const me = Object.fromEntries(Object.keys(myAccount).map((name) => [name, refuse]));
  const mutual = await open(
    [
      [agentToController, edge],
      [myAccount, me],
    ],
    role,
    true,
  );
  const bootstrap = await open([[agentBootstrap, boot]], bootstrapRole, false);
  return {
    ca,
    /** Change an answer by assigning to it. */
    edge,
    boot,
    /** Names of the calls, in order. */
    called,
    mutual: mutual.address,
    bootstrap: bootstrap.address,
    invitation: (changes: { code?: string; pin?: string; role?: 'device' | 'gateway' } = {}) =>
      encodeInvitation({
        v: 1,
        u: bootstrap.address,
        c: mutual.address,
        p: changes.pin ?? ca.pin,
        k: changes.code ?? code,
        r: changes.role ?? 'device',
        o: 'Example',
      }),
    setApps(next: AppListed[]) {
      apps = next;
    },
    send(event: AgentEvent) {
      for (const stream of streams) stream.send(event);
    },
    /** Resolves at the next call of that name. */
    next: (name: string) => new Promise<void>((resolve) => waiting.push({ name, resolve })),
    count: (name: string) => called.filter((one) => one === name).length,
    close: async () => {
      await mutual.app.close();
      await bootstrap.app.close();
    },
  };
}

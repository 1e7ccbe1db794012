/** A question to the gates that every gate lets pass, and ways to spoil it. */
import type { App } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { mintGrant } from '#shared/crypto/grant-token.ts';
import { generateKeyPair, publicKeyToJwk } from '#shared/crypto/keys.ts';
import type { Ask } from '../../gateway/gates/ask.ts';
import { GrantCache } from '../../gateway/grants/grant-cache.ts';
import { compileSnapshot, type GatewaySnapshot } from '../../gateway/state/snapshot.ts';
import type { WireState } from '../../gateway/state/stream-types.ts';
import { httpApp, tcpApp } from './gateway-apps.ts';

/** Controller time of all gate tests, in seconds and milliseconds. */
export const nowSeconds = 1_800_000_000;
export const now = nowSeconds * 1000;

export const signer = generateKeyPair();
const bundle = ['-----BEGIN CERTIFICATE-----'];

export const claims: GrantClaims = {
  iss: 'spiffe://postern.test',
  aud: 'main',
  sub: 'anna',
  did: 'dev_00000001',
  sid: 'ses_00000001',
  app: 'wiki',
  act: 'request',
  jti: 'gr_00000001',
  iat: nowSeconds - 10,
  exp: nowSeconds + 50,
  cnf: { jkt: 'k'.repeat(43) },
  auth_time: nowSeconds - 100,
  amr: ['pwd'],
  seen: 10,
  epoch: 3,
  use: 'many',
  rules: { v: 2, permits: [{ p: 0 }], forbids: [] },
};

export const grantText = (changes: Partial<GrantClaims> = {}, by = signer, kid = 'key-1'): string =>
  mintGrant({ ...claims, ...changes }, { kid, privateKey: by.privateKey });

export function makeState(changes: Partial<WireState> = {}, more: Partial<GatewaySnapshot> = {}): GatewaySnapshot {
  const wire: WireState = {
    generation: 'gen_00000001',
    n: 10,
    apps: [httpApp(1), tcpApp(2)],
    keys: [{ kid: 'key-1', jwk: publicKeyToJwk(signer.publicKey) }],
    bundle,
    revocations: [],
    floors: [],
    denied: [],
    keySets: [],
    knockKeys: [],
    ...changes,
  };
  const identity = { gateway: 'gw-1', site: 'main', trustDomain: 'postern.test' };
  // The bundle is not what gates look at: taken as known, it is not parsed.
  const before = { wire: { bundle }, bundle, keys: new Map() } as never;
  return { ...compileSnapshot(identity, wire, { at: now, freshUntil: now + 15_000 }, before), ...more };
}

export function makeAsk(changes: Partial<Ask> = {}): Ask {
  return {
    kind: 'request',
    peer: {
      role: 'device',
      id: claims.did,
      name: `device/${claims.did}`,
      jkt: claims.cnf.jkt,
      notAfter: now + 3_600_000,
    },
    address: '192.0.2.7',
    method: 'GET',
    url: '/page',
    host: 'wiki.corp.example',
    grant: grantText(),
    origin: undefined,
    fetchSite: undefined,
    fetchMode: undefined,
    fetchDest: undefined,
    contentLength: undefined,
    grants: new GrantCache(),
    used: { has: () => false },
    usage: () => ({ running: 0, left: 100, retryAfterMs: 0 }),
    found: {},
    ...changes,
  };
}

export const wiki = (changes: Record<string, unknown> = {}): App => httpApp(1, changes);

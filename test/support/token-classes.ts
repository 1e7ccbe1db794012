/** Every class of token there is, each good where it belongs. A new class of token is a line here and in `takes` of its place. */
import type { KeyObject } from 'node:crypto';
import { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import { grantType, identityType, keySetType } from '#shared/contracts/grant.ts';
import { postureReportType } from '#shared/contracts/posture.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { signJws } from '#shared/crypto/jws.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import type { TokenWorld } from './token-world.ts';

/** The key that a place believes: a class signed by it differs from the right one in nothing but its class. */
export interface Signer {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

export interface TokenClass {
  readonly name: string;
  readonly make: (world: TokenWorld, signer: Signer) => string | Promise<string>;
}

export const jwsTypes = { grant: grantType, identity: identityType, 'key set': keySetType, posture: postureReportType };
export type JwsClass = keyof typeof jwsTypes;

let seq = 0;
/** What stands in a good token of that class. */
export function payloadOf({ gateway, olga }: TokenWorld, name: JwsClass): object {
  const now = Math.floor(Date.now() / 1000);
  if (name === 'grant') return gateway.world.claims(gateway.device);
  if (name === 'identity') {
    const who = { sub: 'anna', name: 'Anna', groups: [], device: gateway.device.id, amr: ['pwd'] };
    return {
      iss: 'spiffe://postern.test/gateway/gw-1',
      aud: 'wiki',
      ...who,
      iat: now,
      exp: now + 60,
      jti: 'gr_00000001',
    };
  }
  if (name === 'key set') return { iss: 'spiffe://postern.test', app: 'wiki', keys: [], iat: now, device: olga.device };
  seq += 1;
  return { v: 1, seq, facts: [], checks: [] };
}

const jwsClasses = (Object.keys(jwsTypes) as JwsClass[]).map(
  (name): TokenClass => ({
    name,
    make: (world, { kid, privateKey }) =>
      signJws({ typ: jwsTypes[name], kid, payload: payloadOf(world, name), privateKey }),
  }),
);

const codeIn = (text: string) => decodeInvitation(text).k;

export const tokenClasses: readonly TokenClass[] = [
  ...jwsClasses,
  { name: 'session secret', make: ({ olga }) => olga.session!.secret },
  { name: 'session id', make: ({ olga }) => olga.session!.id },
  { name: 'device id', make: ({ olga }) => olga.device },
  { name: 'grant id', make: () => 'gr_00000001' },
  { name: 'admin token', make: ({ adminToken }) => adminToken },
  { name: 'API token', make: ({ apiToken }) => apiToken },
  {
    name: 'device invitation code',
    make: async ({ admin }) => codeIn((await admin.invite({ body: { person: 'rita' } })).invitation),
  },
  {
    name: 'gateway invitation code',
    make: async ({ admin }) =>
      codeIn(
        (await admin.inviteGateway({ body: { id: 'gw-main', site: 'main', address: '127.0.0.1:8444' } })).invitation,
      ),
  },
  {
    name: 'invitation text',
    make: async ({ admin }) => (await admin.invite({ body: { person: 'rita' } })).invitation,
  },
  {
    name: 'factor reset code',
    make: async ({ admin }) => (await admin.resetFactors({ params: { id: 'rita' }, body: {} })).code,
  },
  { name: 'password', make: () => 'violet ladder 47 harbour' },
  { name: 'one-time code', make: ({ olga, controller }) => currentTotp(olga.totp, controller.clock.now() + 30_000) },
  { name: 'seed of an authenticator app', make: ({ olga }) => olga.totp },
  { name: 'recovery code', make: ({ olga }) => olga.recoveryCodes[0]! },
  {
    name: 'renewal nonce',
    make: async ({ olga: { stranger, device: id } }) =>
      (await callContract(agentBootstrap, stranger).renewalNonce({ body: { role: 'device', id } })).nonce,
  },
  { name: 'certificate request', make: () => makeCsr(generateKeyPair()) },
  { name: 'certificate', make: ({ olga }) => olga.certificate },
  { name: 'one-time link of the local side', make: ({ linkToken }) => linkToken() },
  { name: 'portal cookie', make: ({ cookie }) => cookie },
  { name: 'password of a local client', make: ({ clientPassword }) => clientPassword },
];

/** Plays the gateway for the sample apps: a key set served on loopback, and identities signed with it. */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export interface FakeGateway {
  readonly keySetUrl: string;
  readonly fetches: () => number;
  /** Answers 500 from now on. */
  breakKeySet(): void;
  /** Adds a new key, which signs from now on; the old ones stay published. */
  addKey(): void;
  /** An identity for `app`; `claims` and `header` replace the good ones. */
  mint(app: string, claims?: Record<string, unknown>, header?: Record<string, unknown>, key?: KeyObject): string;
}

export async function startFakeGateway(t: Test): Promise<FakeGateway> {
  const keys: { kid: string; privateKey: KeyObject; jwk: object }[] = [];
  let fetches = 0;
  let broken = false;
  const addKey = () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const kid = randomUUID();
    keys.push({ kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } });
  };
  addKey();

  const server = createServer((_request, response) => {
    fetches += 1;
    response.writeHead(broken ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });

  return {
    keySetUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    fetches: () => fetches,
    breakKeySet: () => {
      broken = true;
    },
    addKey,
    mint(app, claims = {}, header = {}, key) {
      const { kid, privateKey } = keys.at(-1)!;
      const now = Math.floor(Date.now() / 1000);
      const head = { alg: 'ES256', typ: 'postern-identity+jwt', kid, ...header };
      const body = {
        iss: 'spiffe://example.com/gateway/g1',
        aud: app,
        sub: 'p-ada',
        name: 'Ada <Lovelace>',
        groups: ['staff', 'finance'],
        device: 'd-1',
        amr: ['pwd', 'otp'],
        iat: now,
        exp: now + 60,
        ...claims,
      };
      const text = [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      const signer = { key: key ?? privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${text}.${sign('sha256', Buffer.from(text), signer).toString('base64url')}`;
    },
  };
}

/** The headers a gateway sends with each request for `https://<app>.example.com`. */
export function gatewayHeaders(gateway: FakeGateway, app: string, claims?: Record<string, unknown>) {
  return { 'postern-identity': gateway.mint(app, claims), 'x-forwarded-proto': 'https', host: `${app}.example.com` };
}

/** Each gate's table of refusals, through the whole row of gates: the code that comes out is the one of the first gate. */
import t from 'tap';
import { signJws } from '#shared/crypto/jws.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { gates } from '../../../gateway/gates/index.ts';
import type { WireState } from '../../../gateway/state/stream-types.ts';
import { claims, grantText, makeAsk, now, nowSeconds, signer, wiki } from '../../support/gate-ask.ts';
import { granted, judge, type GateRow as Row } from '../../support/gate-rows.ts';
import { tcpApp } from '../../support/gateway-apps.ts';

const peer = makeAsk().peer!;
const revoked = (kind: string, id: string, seen = 11, until = now + 1000): Partial<WireState> =>
  ({ revocations: [{ kind, id, seen, until, reason: 'revoked' }] }) as Partial<WireState>;
const jws = (typ: string, payload: object) => signJws({ typ, kid: 'key-1', payload, privateKey: signer.privateKey });

t.test('the row is the one of the design', async (t) => {
  t.same(
    gates.map(([name]) => name),
    [
      'certificate',
      'grant',
      'revocation',
      'destination',
      'canonical-request',
      'cross-site',
      'request-rules',
      'limits',
      'once',
    ],
  );
});

t.test('the good request passes', judge([['as it is', undefined, {}]]));

t.test(
  'certificate',
  judge([
    ['none', 'certificate-missing', { peer: undefined }],
    ['a gateway', 'role-refused', { peer: { ...peer, role: 'gateway' } }],
    ['a controller', 'role-refused', { peer: { ...peer, role: 'controller' } }],
    ['at its end', undefined, { peer: { ...peer, notAfter: now } }],
    ['past its end', 'certificate-refused', { peer: { ...peer, notAfter: now - 1 } }],
    ['on the deny list', 'certificate-refused', {}, { denied: [`device/${peer.id}`] }],
    ['another device on the deny list', undefined, {}, { denied: ['device/other', `gateway/${peer.id}`] }],
  ]),
);

t.test(
  'grant',
  judge([
    ['none', 'grant-missing', { grant: undefined }],
    ['empty', 'grant-malformed', { grant: '' }],
    ['nonsense', 'grant-malformed', { grant: 'a.b.c' }],
    ['too large', 'grant-malformed', { grant: `${grantText()}${'A'.repeat(1600)}` }],
    ['two of them joined', 'grant-malformed', { grant: `${grantText()}, ${grantText()}` }],
    ['another class', 'grant-type', { grant: jws('postern-identity+jwt', claims) }],
    ['an unknown member', 'grant-malformed', { grant: jws('postern-grant+jwt', { ...claims, admin: true }) }],
    ['an unknown key', 'grant-key-unknown', { grant: grantText({}, signer, 'key-9') }],
    ['no keys at all', 'grant-key-unknown', {}, { keys: [] }],
    ['signed by another', 'grant-signature', { grant: grantText({}, generateKeyPair()) }],
    ['a changed payload', 'grant-signature', { grant: graft(grantText(), grantText({ sub: 'root' })) }],
    ['another controller', 'grant-issuer', granted({ iss: 'spiffe://evil.test' })],
    ['another site', 'grant-audience', granted({ aud: 'branch' })],
    ['another key', 'grant-binding', granted({ cnf: { jkt: 'x'.repeat(43) } })],
    ['another device', 'grant-binding', granted({ did: 'dev_00000002' })],
    ['P19 five seconds ahead', undefined, granted({ iat: nowSeconds + 5, exp: nowSeconds + 60 })],
    ['P19 six seconds ahead', 'grant-early', granted({ iat: nowSeconds + 6, exp: nowSeconds + 60 })],
    ['P19 lives 300 s', undefined, granted({ iat: nowSeconds, exp: nowSeconds + 300 })],
    ['P19 lives 301 s', 'grant-lifetime', granted({ iat: nowSeconds, exp: nowSeconds + 301 })],
    ['ends before it begins', 'grant-lifetime', granted({ iat: nowSeconds, exp: nowSeconds - 1 })],
    ['a moment before its end', undefined, {}, {}, now + 49_999],
    ['at its end', 'grant-expired', {}, {}, now + 50_000],
    ['P15 within the grace of streams', 'grant-expired', {}, {}, now + 52_000],
    ['on the floor', undefined, {}, { floors: [{ app: 'wiki', epoch: 3 }] }],
    ['below the floor', 'grant-below-floor', {}, { floors: [{ app: 'wiki', epoch: 4 }] }],
    ['below the floor of another app', undefined, {}, { floors: [{ app: 'db', epoch: 4 }] }],
  ]),
);

t.test(
  'revocation',
  judge([
    ...(
      [
        ['person', 'anna'],
        ['device', claims.did],
        ['session', claims.sid],
        ['grant', claims.jti],
        ['app', 'wiki'],
        ['everything', ''],
      ] as const
    ).flatMap(([kind, id]): Row[] => [
      [`${kind}, later`, 'grant-revoked', {}, revoked(kind, id)],
      [`${kind}, before it was decided`, undefined, {}, revoked(kind, id, 10)],
      [`${kind}, forgotten`, undefined, {}, revoked(kind, id, 11, now)],
      ...(id === '' ? [] : [[`${kind}, another`, undefined, {}, revoked(kind, `${id}0`)] as Row]),
    ]),
    ['a name of another kind', undefined, {}, revoked('app', 'anna')],
  ]),
);

const connect = {
  kind: 'connect',
  method: 'CONNECT',
  url: 'db.corp.example:5432',
  host: 'db.corp.example:5432',
} as const;
const tunnel = granted({ app: 'db', act: 'connect' });
t.test(
  'destination',
  judge([
    ['an app that is not there', 'app-mismatch', granted({ app: 'none' })],
    ['another host', 'app-mismatch', { host: 'hr.corp.example' }],
    ['no host', 'app-mismatch', { host: '' }],
    [
      'another app that is there',
      'app-mismatch',
      { host: 'hr.corp.example' },
      { apps: [wiki(), wiki({ id: 'hr', hosts: ['hr.corp.example'] })] },
    ],
    ['an app of another site', 'app-mismatch', {}, { apps: [wiki({ site: 'branch' })] }],
    ['upper case and a port', undefined, { host: 'Wiki.Corp.Example:8444' }],
    ['a tunnel', undefined, { ...connect, ...tunnel }],
    ['a tunnel to another port', 'app-mismatch', { ...connect, ...tunnel, url: 'db.corp.example:22' }],
    ['a tunnel to another host', 'app-mismatch', { ...connect, ...tunnel, url: 'localhost:5432' }],
    ['a tunnel to an HTTP app', 'app-mismatch', { ...connect, url: 'wiki.corp.example:80' }],
    ['a request to a TCP app', 'app-mismatch', { ...tunnel, host: 'db.corp.example' }],
    ['a tunnel by a grant for requests', 'action-mismatch', { ...connect, ...granted({ app: 'db' }) }],
    ['a request by a grant for tunnels', 'action-mismatch', granted({ act: 'connect' })],
    ['a strict app while fresh', undefined, {}, { apps: [wiki({ strict: true })] }],
    ['a strict app while stale', 'gateway-stale', {}, { apps: [wiki({ strict: true })] }, now + 15_001],
    ['another app while stale', undefined, {}, {}, now + 15_001],
    [
      'a strict tunnel while stale',
      'gateway-stale',
      { ...connect, ...tunnel },
      { apps: [tcpApp(2, { strict: true })] },
      now + 15_001,
    ],
  ]),
);

t.test(
  'canonical request: the table is that of canonical-request.test.ts; here, that it is asked',
  judge([
    ['dot segments', 'request-refused', { url: '/a/../b' }],
    ['an encoded slash', 'request-refused', { url: '/a%2fb' }],
    ['the same, allowed', undefined, { url: '/a%2fb' }, { apps: [wiki({ allowSpellings: ['encoded-slash'] })] }],
    ['the reserved path', 'request-refused', { url: '/.postern/x' }],
    [
      'the reserved path in disguise',
      'request-refused',
      { url: '/%2epostern/x' },
      { apps: [wiki({ allowSpellings: ['dot-segments'] })] },
    ],
    [
      'the reserved path by a detour',
      'request-refused',
      { url: '/a/../.postern/x' },
      { apps: [wiki({ allowSpellings: ['dot-segments'] })] },
    ],
    ['a tunnel has no path', undefined, { ...connect, ...tunnel }],
  ]),
);

const limited = (limits: object) => ({ apps: [wiki({ limits })] });
const used = (running: number, left: number) => ({ usage: () => ({ running, left, retryAfterMs: 7 }) });
t.test(
  'limits',
  judge([
    ['a body at the limit', undefined, { contentLength: 10 }, limited({ maxBodyBytes: 10 })],
    ['a body above it', 'body-too-large', { contentLength: 11 }, limited({ maxBodyBytes: 10 })],
    ['no limit', undefined, { contentLength: 11 }, limited({ maxBodyBytes: 0 })],
    ['room for one more', undefined, used(1, 1), limited({ concurrentPerDevice: 2, requestsPerSecond: 5 })],
    ['as many as may run', 'limit-reached', used(2, 1), limited({ concurrentPerDevice: 2 })],
    ['too fast', 'limit-reached', used(0, 0.9), limited({ requestsPerSecond: 5 })],
    ['the same without limits', undefined, used(99, 0)],
  ]),
);

/** The payload of one token under the signature of another. */
function graft(signed: string, payload: string): string {
  const [head, , signature] = signed.split('.');
  return [head, payload.split('.')[1], signature].join('.');
}

/**
 * The table of refused grants over a real data path with real mutual TLS, through each of the three ways in: a request, a WebSocket
 * and a tunnel. Each refusal has a code of its own, says what to do next, leaves one record, and no app hears of it.
 */
import t from 'tap';
import { type ErrorCode, errorTable, type Next } from '#shared/base/errors.ts';
import { signJws } from '#shared/crypto/jws.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { type GrantChanges, gatewayId } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';
import { type Asked, askBy, type Way, ways } from '../support/ways-in.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
const gw = await startDataPath([
  httpApp(app.port),
  httpApp(app.port, { id: 'hr', hosts: ['hr.corp.example'] }),
  tcpApp(echo.port),
  tcpApp(echo.port, { id: 'mail', host: 'mail.corp.example', port: 25 }),
  httpApp(app.port, { id: 'far', hosts: ['far.corp.example'], site: 'branch' }),
]);
const { world, device, records } = gw;
const ask = (way: Way, order: Asked) => askBy(way, gw, order);
const thief = await world.leaf('device', 'dev_00000002');
const rekeyed = await world.leaf('device', device.id);
t.teardown(async () => {
  await gw.stop();
  await app.stop();
  await echo.stop();
});

const own: Readonly<Record<Way, GrantChanges>> = {
  request: {},
  upgrade: {},
  connect: { app: 'db', act: 'connect' },
};
const now = () => Math.floor(Date.now() / 1000);
/** Decided after everything that is taken back here, unless told. */
const grantFor = (way: Way, changes: GrantChanges = {}) => world.grant(device, { seen: 1000, ...own[way], ...changes });
const exact = (changes = {}) => ({
  rules: {
    v: 2 as const,
    exact: { method: 'GET', host: 'wiki.corp.example', path: '/socket', query: '', ...changes },
    permits: [{ p: 0 }],
    forbids: [],
  },
});
const from = (range: string) => ['isInRange', ['c', 'network', 'address'], ['ip', range]];
/** The payload of one token under the signature of another. */
const graft = (signed: string, payload: string) => {
  const [head, , signature] = signed.split('.');
  return [head, payload.split('.')[1], signature].join('.');
};

interface Row {
  readonly what: string;
  readonly code: ErrorCode;
  readonly next: Next;
  readonly ask: (way: Way) => Asked;
  /** Members of the record besides the usual. */
  readonly record?: object;
  readonly ways?: readonly Way[];
}

/** Each with a code of its own: the list of the issue, in its order. */
const listed: readonly Row[] = [
  { what: 'no grant', code: 'grant-missing', next: 'renew', ask: () => ({ grant: undefined }) },
  {
    what: "another device's certificate",
    code: 'grant-binding',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way), by: thief }),
    record: { device: 'dev_00000002', person: 'anna', details: { grantOf: 'dev_00000001' } },
  },
  {
    what: 'expired',
    code: 'grant-expired',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { iat: now() - 60, exp: now() - 1 }) }),
  },
  {
    what: 'for another app',
    code: 'app-mismatch',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { app: way === 'connect' ? 'mail' : 'hr' }) }),
  },
  {
    what: 'for another action',
    code: 'action-mismatch',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { act: way === 'connect' ? 'request' : 'connect' }) }),
  },
  {
    what: 'for another method or path',
    code: 'rules-refused',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, exact({ path: '/other' })) }),
  },
  {
    what: 'below the floor',
    code: 'grant-below-floor',
    next: 'renew',
    ask: (way) => {
      gw.change({ kind: 'floor', floors: ['wiki', 'db'].map((id) => ({ app: id, epoch: 3 })) });
      return { grant: grantFor(way, { epoch: 2 }) };
    },
  },
  {
    what: 'revoked',
    code: 'grant-revoked',
    next: 'renew',
    ask: (way) => {
      const jti = `gr_revoked_${way}`;
      gw.revoke('grant', jti);
      return { grant: grantFor(way, { jti, seen: 9 }) };
    },
  },
  {
    what: 'tampered',
    code: 'grant-signature',
    next: 'renew',
    ask: (way) => ({ grant: graft(grantFor(way), grantFor(way, { sub: 'root' })) }),
    // Nothing in it can be believed, so nothing of it is recorded.
    record: { person: undefined, grant: undefined },
  },
  {
    what: 'for another site',
    code: 'grant-audience',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { aud: 'branch' }) }),
  },
  {
    what: 'a token of another class',
    code: 'grant-type',
    next: 'stop',
    ask: (way) => {
      const { privateKey } = world.signer;
      const payload = world.claims(device, own[way]);
      return { grant: signJws({ typ: 'postern-identity+jwt', kid: world.kid, payload, privateKey }) };
    },
    record: { person: undefined },
  },
  {
    what: 'by an unknown key',
    code: 'grant-key-unknown',
    next: 'retry',
    ask: (way) => ({ grant: grantFor(way, { kid: 'key-9' }) }),
    record: { person: undefined },
  },
];

/** Further ways to be wrong; a code may stand for two of them. */
const further: readonly Row[] = [
  { what: 'empty', code: 'grant-malformed', next: 'renew', ask: () => ({ grant: '' }) },
  { what: 'nonsense', code: 'grant-malformed', next: 'renew', ask: () => ({ grant: 'a.b.c' }) },
  {
    what: 'signed by another key under a known name',
    code: 'grant-signature',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { signedBy: generateKeyPair() }) }),
  },
  {
    what: 'by another controller',
    code: 'grant-issuer',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { iss: 'spiffe://evil.test' }) }),
  },
  {
    what: 'for the gateway instead of its site',
    code: 'grant-audience',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { aud: gatewayId }) }),
  },
  {
    what: 'of the same device with its former key',
    code: 'grant-binding',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way), by: rekeyed }),
  },
  {
    what: 'of ahead of time',
    code: 'grant-early',
    next: 'retry',
    ask: (way) => ({ grant: grantFor(way, { iat: now() + 30, exp: now() + 60 }) }),
  },
  {
    what: 'that lives too long',
    code: 'grant-lifetime',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { iat: now(), exp: now() + 301 }) }),
  },
  {
    what: 'for another address',
    code: 'rules-refused',
    next: 'renew',
    ask: (way) => ({
      grant: grantFor(way, { rules: { v: 2, permits: [{ p: 0, if: from('192.0.2.0/24') }], forbids: [] } }),
    }),
  },
  {
    what: 'for one use at another gateway',
    code: 'grant-audience',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { use: 'once', aud: 'gw-2' }) }),
  },
  {
    what: 'for one use of whatever its holder likes',
    code: 'rules-unknown',
    next: 'stop',
    ways: ['request', 'upgrade'],
    ask: (way) => ({ grant: grantFor(way, { use: 'once', aud: gatewayId }) }),
    record: { details: { use: 'once' } },
  },
  {
    what: 'for an app of another site',
    code: 'app-mismatch',
    next: 'renew',
    ask: (way) => ({ grant: grantFor(way, { app: 'far' }) }),
  },
  {
    what: 'for another method',
    code: 'rules-refused',
    next: 'renew',
    ways: ['request'],
    ask: (way) => ({ grant: grantFor(way, exact()), method: 'POST' }),
  },
  {
    what: 'for another query',
    code: 'rules-refused',
    next: 'renew',
    ways: ['request', 'upgrade'],
    ask: (way) => ({ grant: grantFor(way, exact()), path: '/socket?all=1' }),
  },
  ...(['person', 'device', 'session', 'app'] as const).map(
    (kind): Row => ({
      what: `revoked with its ${kind}`,
      code: 'grant-revoked',
      next: 'renew',
      ask: (way) => {
        const names = {
          person: 'zoe',
          device: device.id,
          session: `ses_${way}_0001`,
          app: way === 'connect' ? 'db' : 'wiki',
        };
        gw.revoke(kind, names[kind]);
        return { grant: grantFor(way, { sub: 'zoe', sid: names.session, seen: 9 }) };
      },
    }),
  ),
];

const reasonless = { phase: 'single', kind: 'access', verdict: 'deny', gateway: gatewayId, from: '127.0.0.1' };

for (const way of ways) {
  t.test(`P13 P14 P16 P19 P21 ${way}: every bad grant is refused by its code, and nothing is begun`, async (t) => {
    for (const { what, code, next, ask: asked, record = {}, ways: only } of [...listed, ...further]) {
      if (only !== undefined && !only.includes(way)) continue;
      const order = asked(way);
      const [refused, opened, seen] = [records.refused.length, records.opened.length, app.seen.length];
      const { status, verdict, problem } = await ask(way, order);
      const { status: wanted } = errorTable[code];
      t.match(problem, { code, next, status: wanted, trace: /^[0-9a-f]{32}$/ }, `${what}: the problem`);
      t.same([status, verdict], [wanted, code], `${what}: the head`);
      t.match(
        records.refused.slice(refused),
        [{ ...reasonless, reasons: [code], trace: problem['trace'] }],
        `${what}: one record`,
      );
      t.match(records.refused.at(-1), { device: (order.by ?? device).id, ...record }, `${what}: of whom`);
      t.equal(records.refused.length, refused + 1);
      t.same(
        [records.opened.length, app.seen.length, echo.sockets.size],
        [opened, seen, 0],
        `${what}: no app hears of it`,
      );
    }
    t.equal(gw.path.counts()['live|'], 0);
  });
}

t.test('each case of the list has a code of its own', async (t) => {
  t.equal(new Set(listed.map(({ code }) => code)).size, listed.length);
});

t.test('and the good one gets in, each way', async (t) => {
  t.equal((await ask('request', { grant: grantFor('request'), path: '/page' })).status, 200);
  t.equal((await ask('upgrade', { grant: grantFor('upgrade') })).status, 101);
  t.equal((await ask('connect', { grant: grantFor('connect') })).status, 200);
  t.equal(records.opened.length, 3);
});

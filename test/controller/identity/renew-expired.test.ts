import { sign } from 'node:crypto';
import t from 'tap';
import { setDeviceState } from '../../../controller/identity/device-state.ts';
import { openExpiredRenewal } from '../../../controller/identity/renew-expired.ts';
import { day, minute } from '../../../shared/base/clock.ts';
import { makeCsr } from '../../../shared/crypto/csr.ts';
import { generateKeyPair, type KeyPair, keyThumbprint, publicKeyToJwk } from '../../../shared/crypto/keys.ts';
import { startEdge } from '../support/edge-one.ts';

const origin = { from: '192.0.2.7', trace: '1'.repeat(32) };

function ask(id: string, nonce: string, keys: KeyPair, csrKeys = keys) {
  const csr = makeCsr(csrKeys);
  const text = Buffer.from(`postern-renew-expired\n${nonce}\n${csr}`);
  const signature = sign('sha256', text, { key: keys.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return { role: 'device', id, nonce, csr, signature } as const;
}

t.test('P4 a laptop that slept comes back with its key, a certificate and nothing else', async (t) => {
  const edge = await startEdge(t);
  const { clock, store } = edge;
  const agent = await edge.enrol(edge.ownerCode);
  await agent.signInFirst();
  const expired = openExpiredRenewal(edge);
  clock.advance(20 * day);
  const nonce = expired.issueNonce({ role: 'device', id: agent.id });
  const body = ask(agent.id, nonce, agent.keys);
  const issued = await expired.renew(body, origin);
  t.ok(issued.notAfter > clock.now());
  const sessions = await store.db.selectFrom('sessions').select(['state', 'ended_because']).execute();
  t.same(
    sessions.map((row) => ({ ...row })),
    [{ state: 'ended', ended_because: 'certificate-expired' }],
  );
  await t.rejects(expired.renew(body, origin), { code: 'renewal-refused' }, 'P18 a nonce is good once');
});

t.test('P4 no other key, nonce, device or time will do', async (t) => {
  const edge = await startEdge(t);
  const { clock, store } = edge;
  const agent = await edge.enrol(edge.ownerCode);
  const expired = openExpiredRenewal(edge);
  clock.advance(5 * day);
  const refusal = { code: 'renewal-refused' };
  const nonce = () => expired.issueNonce({ role: 'device', id: agent.id });
  const other = generateKeyPair();
  await t.rejects(expired.renew(ask(agent.id, nonce(), other), origin), refusal, 'another key');
  await t.rejects(
    expired.renew(ask(agent.id, nonce(), agent.keys, other), origin),
    { code: 'csr-refused' },
    'a new key',
  );
  const foreign = expired.issueNonce({ role: 'device', id: 'dev_another0' });
  await t.rejects(expired.renew(ask(agent.id, foreign, agent.keys), origin), refusal, 'a nonce for another device');
  const elsewhere = openExpiredRenewal(edge).issueNonce({ role: 'device', id: agent.id });
  await t.rejects(expired.renew(ask(agent.id, elsewhere, agent.keys), origin), refusal, 'a nonce not made here');
  const unknown = expired.issueNonce({ role: 'device', id: 'dev_another0' });
  await t.rejects(expired.renew(ask('dev_another0', unknown, agent.keys), origin), refusal, 'an unknown device');
  const old = nonce();
  clock.advance(3 * minute);
  await t.rejects(expired.renew(ask(agent.id, old, agent.keys), origin), refusal, 'an old nonce');
  const swapped = { ...ask(agent.id, nonce(), agent.keys), csr: makeCsr(agent.keys) };
  await t.rejects(expired.renew(swapped, origin), refusal, 'another request than the signed one');

  const order = { id: agent.id, actor: 'x' };
  await store.db.transaction().execute((trx) => setDeviceState(trx, clock.now(), { ...order, state: 'suspended' }));
  await t.rejects(expired.renew(ask(agent.id, nonce(), agent.keys), origin), refusal, 'a suspended device');
  await store.db.transaction().execute((trx) => setDeviceState(trx, clock.now(), { ...order, state: 'active' }));
  clock.advance(27 * day);
  await t.rejects(expired.renew(ask(agent.id, nonce(), agent.keys), origin), refusal, 'away for more than 30 days');
});

t.test('P4 thirty days for a device, seven for a gateway, and not a moment more', async (t) => {
  const edge = await startEdge(t);
  const { clock, store } = edge;
  const agent = await edge.enrol(edge.ownerCode);
  const expired = openExpiredRenewal(edge);
  const keys = generateKeyPair();
  const endsAt = clock.now();
  await store.db
    .insertInto('gateways')
    .values({
      id: 'gw-1',
      site: 'main',
      address: '127.0.0.1:8444',
      state: 'active',
      jkt: keyThumbprint(keys.publicKey),
      public_jwk: JSON.stringify(publicKeyToJwk(keys.publicKey)),
      certificate_serial: '01',
      certificate_ends_at: endsAt,
      identity_jwk: null,
      generation: null,
      through: 0,
      last_seen_at: null,
      joined_at: endsAt,
      door: 'none',
      knock_ports: '',
      prelude_port: 0,
    })
    .execute();
  const setEnd = (certificate_ends_at: number) =>
    Promise.all([
      store.db.updateTable('gateways').set({ certificate_ends_at }).execute(),
      store.db.updateTable('devices').set({ certificate_ends_at }).execute(),
    ]);
  const renew = (role: 'device' | 'gateway') => {
    const [id, own] = role === 'device' ? [agent.id, agent.keys] : ['gw-1', keys];
    const nonce = expired.issueNonce({ role, id });
    return expired.renew({ ...ask(id, nonce, own), role }, origin);
  };
  for (const [role, days] of [
    ['gateway', 7],
    ['device', 30],
  ] as const) {
    await setEnd(endsAt);
    clock.advance(endsAt + days * day - clock.now());
    t.ok((await renew(role)).notAfter > clock.now(), `${role}: ${days} days`);
    await setEnd(endsAt);
    clock.advance(1);
    await t.rejects(renew(role), { code: 'renewal-refused' }, `${role}: a moment more`);
  }
  await setEnd(clock.now());
  await store.db.updateTable('gateways').set({ state: 'gone' }).execute();
  await t.rejects(renew('gateway'), { code: 'renewal-refused' }, 'a gateway that was removed');
});

t.test('P12 over the wire a nonce is given for any name', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { agent: stranger } = edge.stranger;
  const known = await stranger.renewalNonce({ body: { role: 'device', id: agent.id } });
  const unknown = await stranger.renewalNonce({ body: { role: 'gateway', id: 'nobody' } });
  t.equal(known.nonce.length, unknown.nonce.length);
  t.same(await edge.store.db.selectFrom('nonces').selectAll().execute(), [], 'and leaves nothing behind');
  const renewed = await stranger.renewExpired({ body: ask(agent.id, known.nonce, agent.keys) });
  t.match(renewed.certificate, 'BEGIN CERTIFICATE');
});

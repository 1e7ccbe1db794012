/** Edge 2, attacked by a gateway that lies, over real TLS against a whole controller. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { StreamMessage } from '#shared/contracts/gateway-to-controller.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { generateKeyPair, keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { type FakeGateway, joinGateway } from '../controller/support/fake-peers.ts';
import { runController } from '../controller/support/run-controller.ts';

const app = (id: string, site: string) => ({
  id,
  name: id,
  kind: 'http' as const,
  site,
  hosts: [`${id}.test`],
  upstream: 'http://127.0.0.1:1',
});

const keySetsOf = ({ changes }: FakeGateway) =>
  changes.filter(({ kind }) => kind === 'key-sets').map((change) => JSON.stringify(change));

async function begin(t: Test) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  await admin.putSite({ params: { id: 'other' }, body: { name: 'Other' } });
  await admin.apply({ body: { bundle: { apps: [app('wiki', 'main'), app('payroll', 'other')] }, dryRun: false } });
  const gateway = await joinGateway(t, controller, 'gw-main');
  return { controller, admin, gateway };
}

t.test('P16, P20 nothing is confirmed before it exists', async (t) => {
  const { admin, controller, gateway } = await begin(t);
  const generation = gateway.generation();
  const { change } = await admin.status();
  const lies = [
    { through: change + 1, closed: [] },
    { through: Number.MAX_SAFE_INTEGER, closed: [] },
    { through: change, closed: [{ n: change + 1, streams: 0 }] },
  ];
  for (const lie of lies)
    await t.rejects(gateway.calls.applied({ body: { generation, ...lie } }), { code: 'bad-request' });
  await gateway.calls.applied({ body: { generation, through: 0, closed: [] } });
  const row = await controller.store.db.selectFrom('gateways').selectAll().executeTakeFirstOrThrow();
  t.ok(row.through > 0 && row.through <= change, 'an old confirmation that comes late takes nothing back');
  t.same(await controller.store.db.selectFrom('gateway_cuts').selectAll().where('n', '>', change).execute(), []);
});

t.test('P16 numbers that the store could not give back are refused', async (t) => {
  const { admin, gateway } = await begin(t);
  const generation = gateway.generation();
  const { change } = await admin.status();
  for (const huge of [2 ** 53, 2 ** 60, 1e300]) {
    const asks = [
      { through: huge, closed: [] },
      { through: change, closed: [{ n: huge, streams: 1 }] },
      { through: change, closed: [{ n: change, streams: huge }] },
    ];
    for (const ask of asks)
      await t.rejects(gateway.calls.applied({ body: { generation, ...ask } }), { code: 'bad-request' });
    const record: AccessRecord = {
      id: 'rec_00000001',
      time: huge,
      kind: 'access',
      phase: 'single',
      trace: 'a'.repeat(32),
      verdict: 'deny',
      reasons: [],
      gateway: 'gw-main',
    };
    await t.rejects(gateway.calls.records({ body: { spool: 'spool-0001', records: [{ seq: 1, record }] } }), {
      code: 'bad-request',
    });
  }
  t.equal((await admin.gateways()).items.length, 1, 'the gateways can still be read');
});

t.test('P1 a gateway hears nothing of another site', async (t) => {
  const { admin, controller, gateway } = await begin(t);
  await controller.store.db
    .insertInto('floors')
    .values([
      { app_id: 'wiki', epoch: 0 },
      { app_id: 'payroll', epoch: 0 },
    ])
    .execute();
  await admin.revoke({ body: { kind: 'app', id: 'payroll' } });
  await admin.revoke({ body: { kind: 'app', id: 'wiki' } });
  t.match(gateway.changes.at(-1), { kind: 'revoke', revocations: [{ kind: 'app', id: 'wiki' }] });
  t.notMatch(JSON.stringify(gateway.changes), 'payroll');
  await admin.putApp({ params: { id: 'payslips' }, body: app('payslips', 'other') });
  await admin.removeApp({ params: { id: 'payslips' } });
  const { change } = await admin.status();
  while (gateway.seen() < change) await nextTurn();
  t.notMatch(JSON.stringify(gateway.changes), 'payslips', 'nor of its end');
  gateway.confirms = false;
  for await (const message of readNdjson(await gateway.calls.stream({ query: {} }))) {
    t.equal((message as StreamMessage).t, 'snapshot');
    t.notMatch(JSON.stringify(message), 'payroll');
    t.match(message, { floors: [{ app: 'wiki' }], revocations: [{ kind: 'app', id: 'wiki' }] });
    break;
  }
});

t.test('P23 what is no key, or goes by another name, does not enter the key sets', async (t) => {
  const { gateway } = await begin(t);
  const good = publicKeyToJwk(generateKeyPair().publicKey);
  const other = keyThumbprint(generateKeyPair().publicKey);
  for (const jwk of [
    { ...good, y: good.x },
    { ...good, x: 'A'.repeat(43), y: 'A'.repeat(43) },
    { ...good, x: `${good.x.slice(0, 42)}!` },
    { ...good, kid: other },
  ])
    await t.rejects(gateway.calls.identityKey({ body: { jwk } }), { code: 'bad-request' });
  await t.resolves(gateway.calls.identityKey({ body: { jwk: good } }));
});

t.test('P23 who joins again takes stream and identity key from the former instance', async (t) => {
  const { controller, gateway } = await begin(t);
  const witness = await joinGateway(t, controller, 'gw-two');
  const stolen = publicKeyToJwk(generateKeyPair().publicKey);
  await gateway.calls.identityKey({ body: { jwk: stolen } });
  await joinGateway(t, controller, 'gw-main');
  await gateway.ended;
  await t.rejects(gateway.calls.applied({ body: { generation: gateway.generation(), through: 0, closed: [] } }));
  await new Promise<void>((resolve) => {
    const look = () => (keySetsOf(witness).at(-1)?.includes(stolen.x) === false ? resolve() : setImmediate(look));
    look();
  });
  t.ok(
    keySetsOf(witness).some((text) => text.includes(stolen.x)),
    'it had been in them',
  );
  t.notMatch(keySetsOf(witness).at(-1), stolen.x, 'the others were told at once');
});

t.test('P23 a stream that was being opened while its gateway was revoked does not live on', async (t) => {
  const { controller, gateway } = await begin(t);
  // The revocation of a controller elsewhere, or one that fell between the check and the stream: nobody calls `cut` here.
  await controller.store.db.updateTable('gateways').set({ state: 'gone' }).where('id', '=', 'gw-main').execute();
  await t.resolves(gateway.ended);
});

/**
 * P24: a gateway that was taken over may lie about its own site, and about nothing else: what it delivers is refused or stands in the log as any
 * other record does, so that the log is still whole, can be verified and pruned.
 */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import type { SpooledRecord } from '#shared/contracts/record.ts';
import { compileRoute } from '#shared/wire/check-route.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { findDue } from '../../controller/log/retention/find-due.ts';
import { verifyLog } from '../../controller/log/verify/verify-log.ts';
import { makeLogWorld } from '../support/log-world.ts';

const world = await makeLogWorld(t);
const { db } = world.store;
await world.append(3);
const keeper = await world.open();
const checks = compileRoute('records', gatewayToController.records);
const gateway = 'gw-1';
const access = {
  time: 1,
  kind: 'access',
  phase: 'single',
  trace: 'a'.repeat(32),
  verdict: 'deny',
  reasons: [],
  gateway,
  person: 'eve',
  request: { method: 'GET', host: 'payroll.test', path: '/' },
};
let made = 0;

/** As the route takes it; the code of a refusal. */
async function deliver(record: object, seq = 1): Promise<string> {
  made += 1;
  const id = `rec_att6${String(made).padStart(12, '0')}`;
  const spool = `spl_${String(made).padStart(8, '0')}`;
  const body = JSON.parse(JSON.stringify({ spool, records: [{ seq, record: { ...access, id, ...record } }] }));
  try {
    const read = checks.readRequest({ params: {}, query: {}, body }).body as { records: SpooledRecord[] };
    await takeRecords(db, 2_000_000, { gateway, spool, records: read.records });
    return 'taken';
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return error.code;
  }
}

async function faults() {
  await keeper.settle();
  const order = { db, file: world.file, dir: keeper.tiles.dir, state: await keeper.state(), keys: await world.keys() };
  return (await verifyLog(order)).faults;
}

t.test('P24 P34 a gateway erases nothing by calling it erased, and makes no whole log look broken', async (t) => {
  t.equal(await deliver({ erased: ['path', 'person'] }), 'bad-request');
  t.same(await faults(), []);
});

t.test('P24 texts that a database gives back otherwise are refused', async (t) => {
  const places = {
    path: (text: string) => ({ request: { ...access.request, path: `/${text}` } }),
    host: (text: string) => ({ request: { ...access.request, host: text } }),
    method: (text: string) => ({ request: { ...access.request, method: text } }),
    address: (text: string) => ({ from: text }),
    because: (text: string) => ({ because: text }),
    details: (text: string) => ({ details: { deep: [{ [text]: text }] } }),
  };
  for (const [name, make] of Object.entries(places)) {
    t.equal(await deliver(make('\ud800')), 'bad-request', name);
    for (const text of ['\0', '\u001b[2J', '\u2028\u202e\ufeff\ufffe', '"\\\r\n\b\f', '\u{1f600}'])
      t.match(await deliver(make(text)), /^(taken|bad-request)$/, name);
  }
  t.same(await faults(), []);
});

t.test('P24 numbers that a database cannot give back are refused: nothing else is spoilt', async (t) => {
  const lost = (first: number) => ({
    kind: 'gateway',
    event: 'records-lost',
    person: undefined,
    request: undefined,
    details: { first },
  });
  for (const seq of [2 ** 53, 1e17, 1e300]) t.equal(await deliver(lost(1), seq), 'bad-request', String(seq));
  for (const name of ['bytesUp', 'bytesDown', 'count']) t.equal(await deliver({ [name]: 1e300 }), 'bad-request', name);
  t.equal(await deliver(lost(1), Number.MAX_SAFE_INTEGER), 'taken');
  t.same(await faults(), []);
  const due = await findDue(db, { rest: 3_000_000, kinds: {} }, { after: 0, through: Number.MAX_SAFE_INTEGER });
  t.ok(due, 'pruning reads them all');
});

t.test('P24 two places of a spool never have one id, nor that of a record of somebody else', async (t) => {
  const { id } = await db.selectFrom('records').select('id').orderBy('position').limit(1).executeTakeFirstOrThrow();
  t.not(await deliver({ id }).catch(() => 'refused'), 'taken');
  t.same(await faults(), []);
});

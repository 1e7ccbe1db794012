/** P24: a segment that a bad disk or an operator altered: what is good is delivered once, and what is lost is told. */
import { readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { RecordDelivery } from '../../gateway/records/deliver-records.ts';
import { recoverSpools } from '../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../gateway/records/spool-format.ts';
import { mostRecords } from '../../gateway/records/spool-gaps.ts';
import { storedRecords } from '../support/stored-records.ts';

const gateway = 'gw-1';
const name = 'spl_00000001';
const idOf = (seq: number) => `rec_${String(seq).padStart(10, '0')}`;
const record = (seq: number, over: Partial<AccessRecord> = {}): AccessRecord => ({
  id: idOf(seq),
  time: 1000 + seq,
  kind: 'access',
  phase: 'single',
  trace: 'a'.repeat(32),
  verdict: 'allow',
  reasons: ['grant-valid'],
  gateway,
  ...over,
});
const lineOf = (seq: number) => encodeLine({ seq, record: record(seq) });
const left = (last: number) => encodeLine({ left: true, denials: 0, last });

/** A gateway's spool and a controller; `deliver` is one life of the gateway. */
async function parts(t: Test, text: string, damage: (bytes: Buffer) => Buffer = (bytes) => bytes) {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const directory = new SpoolDirectory(t.testdir());
  const file = directory.file(name);
  writeFileSync(file, damage(Buffer.from(text)));
  const take = (spool: string, records: SpooledRecord[]) => takeRecords(store.db, 1, { gateway, spool, records });
  return {
    directory,
    file,
    take,
    deliver: (send = take) => new RecordDelivery({ gateway, directory, log: silentLog, send }).stop(),
    told: async () =>
      (await storedRecords(store.db)).flatMap(({ id, event, details, opening, phase }) => {
        // There are no grants here to which these accesses would belong.
        if (event === 'record-disputed') return [];
        return event === undefined ? (phase === 'interrupted' ? `end of ${opening}` : id) : { event, details };
      }),
  };
}
/** Takes the place of so many bytes from there. */
const overwrite =
  (from: number, length: number, by = 0x78) =>
  (bytes: Buffer) =>
    bytes.fill(by, from, from + length);
const lost = (first: number, last: number, offset: number | undefined, bytes: number) => ({
  event: 'records-lost',
  details: { spool: name, first, last, ...(offset === undefined ? {} : { offset }), bytes },
});
const size = lineOf(1).length;

t.test(
  'P24 what stands behind a damaged line is delivered, and a record names place and number of what is lost',
  async (t) => {
    const text = [1, 2, 3, 4, 5].map(lineOf).join('') + left(5);
    const all = await parts(t, text, overwrite(size + 20, size));
    await all.deliver();
    t.same(await all.told(), [idOf(1), lost(2, 3, size, 2 * size), idOf(4), idOf(5)]);
    t.same(all.directory.list(), [], 'and the segment goes');
  },
);

t.test('P24 lines that somebody took out are missed, in the middle and at the end', async (t) => {
  const all = await parts(t, [1, 2, 5, 6].map(lineOf).join('') + left(8));
  await all.deliver();
  t.same(await all.told(), [idOf(1), idOf(2), lost(3, 4, undefined, 0), idOf(5), idOf(6), lost(7, 8, undefined, 0)]);
});

t.test('P24 a loss is told once, however often an answer is lost and what was delivered is forgotten', async (t) => {
  const all = await parts(t, [1, 2, 3].map(lineOf).join('') + left(3), overwrite(size + 20, 9));
  const deaf = async (spool: string, records: SpooledRecord[]) => {
    await all.take(spool, records);
    throw new Error('the answer was lost');
  };
  await all.deliver(deaf);
  await all.deliver(deaf);
  await all.deliver();
  t.same(await all.told(), [idOf(1), lost(2, 2, size, size), idOf(3)]);
});

t.test('P24 recovery keeps what is good behind damage, and numbers behind what may have stood in it', async (t) => {
  const opening = encodeLine({ seq: 3, record: record(3, { phase: 'opening' }) });
  const text = lineOf(1) + lineOf(2) + opening + lineOf(4);
  const at = text.length - size;
  const all = await parts(t, text, (bytes) => overwrite(size + 20, 9)(overwrite(at + 20, 9)(bytes)));
  t.equal(recoverSpools(all.directory, [name], 5000), 1);
  const once = readFileSync(all.file);
  t.equal(recoverSpools(all.directory, [name], 6000), 0);
  t.ok(readFileSync(all.file).equals(once), 'a second recovery finds nothing to do');
  await all.deliver();
  const told = await all.told();
  const most = 3 + mostRecords(size);
  t.same(told, [idOf(1), lost(2, 2, size, size), idOf(3), lost(4, most, at, size), `end of ${idOf(3)}`]);
});

t.test('P24 when what a segment carried is damaged, the openings come from the one before it', async (t) => {
  const opening = record(1, { phase: 'opening' });
  const all = await parts(t, encodeLine({ seq: 1, record: opening }) + left(1));
  const next = `${name}-00000001`;
  const carry = encodeLine({ carry: opening });
  writeFileSync(
    all.directory.file(next),
    overwrite(20, 9)(Buffer.from(carry + encodeLine({ seq: 1, record: record(9) }))),
  );
  t.equal(recoverSpools(all.directory, [name, next], 5000), 1);
  await all.deliver();
  const loss = { event: 'records-lost', details: { spool: next, first: 2, last: 2, offset: 0, bytes: carry.length } };
  t.same(await all.told(), [idOf(1), idOf(9), loss, `end of ${idOf(1)}`]);
});

t.test('P24 the controller jumps over a place only where it is told to be lost', async (t) => {
  const all = await parts(t, '');
  const loss = (seq: number, first: unknown) => ({
    seq,
    record: record(seq, { kind: 'gateway', event: 'records-lost', verdict: 'none', reasons: [], details: { first } }),
  });
  t.same(await all.take(name, [{ seq: 1, record: record(1) }, loss(4, 3)]), { through: 1 }, 'number 2 is missing');
  t.same(await all.take(name, [loss(4, '2')]), { through: 1 });
  t.same(await all.take(name, [loss(4, 2), { seq: 5, record: record(5) }]), { through: 5 });
  await all.take(name, [{ seq: 3, record: record(3) }]);
  t.match((await all.told()).at(-1), { event: 'record-rewritten' }, 'what was lost does not come back unseen');
});

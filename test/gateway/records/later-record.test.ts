import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import type { Later } from '../../../gateway/record-sink.ts';
import { SaidParts } from '../../../gateway/records/alike-openings.ts';
import { RecordDelivery } from '../../../gateway/records/deliver-records.ts';
import { LaterRecords, laterJson, laterRecord } from '../../../gateway/records/later-record.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { decodeLine, entryLine, numberedEntry } from '../../../gateway/records/spool-format.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../../support/spool-access.ts';
import { recordKeeper, spoolRecord } from '../../support/spool-records.ts';

t.test('P24 a later record says only what is new, and is whole for whoever reads it', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  // So small that each segment carries what is open in it to the next.
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9, segmentBytes: 300 });
  const opening = spoolRecord({ phase: 'opening', details: { use: 'once' } });
  const access = accessOf(opening);
  await openIn(spool, access);
  const progress = closingOf(access, { id: 'rec_progress01', phase: 'progress', details: { ended: 'running' } });
  spool.tellLater(access, progress);
  await new Promise(setImmediate);
  const closing = closingOf(access, { id: 'rec_closing001', reasons: ['stream-cut'], details: { ended: 'cut' } });
  spool.tellLater(access, closing);
  spool.stop();
  t.ok(directory.list().length > 1, 'over segments');
  const controller = recordKeeper();
  await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send: controller.send }).stop();
  t.same(controller.all(), [
    opening,
    { ...opening, ...progress, details: { use: 'once', ended: 'running' } },
    { ...opening, ...closing, details: { use: 'once', ended: 'cut' } },
  ]);
});

const count = fc.oneof(fc.constant(0), fc.maxSafeNat());
const ended = fc.oneof(fc.constantFrom('complete', 'running', 'cut'), fc.string({ unit: 'binary' }));
const later: fc.Arbitrary<Later> = fc.record(
  {
    opening: fc.constant('rec_a-1'),
    id: fc.constant('rec_a-2'),
    time: count,
    phase: fc.constantFrom('progress', 'closing'),
    bytesUp: count,
    bytesDown: count,
    durationMs: count,
    details: fc.record({ ended, problem: fc.string({ unit: 'binary' }) }, { requiredKeys: [] }),
    status: fc.nat(999),
    reasons: fc.constantFrom<AccessRecord['reasons'][]>(['stream-cut'], ['grant-expired', 'stream-cut']),
  },
  { requiredKeys: ['opening', 'id', 'time', 'phase', 'bytesUp', 'bytesDown', 'durationMs', 'details'] },
);

t.test('P24 whatever a line leaves out, who reads it has all that the later record says', async (t) => {
  const opening = { ...spoolRecord({ phase: 'opening', details: { use: 'once' } }), id: 'rec_a-1' };
  const least = { opening: opening.id, id: 'rec_a-2', time: 7 };
  const usual = { phase: 'closing', bytesUp: 0, bytesDown: 0, durationMs: 0, details: { ended: 'complete' } } as const;
  t.equal(laterJson({ ...least, ...usual }), JSON.stringify(least));
  t.same(laterRecord({ ...opening, details: {} }, least), { ...opening, ...least, ...usual });
  fc.assert(
    fc.property(later, (one) => {
      const laters = new LaterRecords();
      laters.whole({ seq: 1, record: opening });
      const [entry] = decodeLine(entryLine(numberedEntry(2, 'later', laterJson(one)), 1).slice(0, -1)) ?? [];
      const record = { ...opening, ...one, details: { use: 'once', ...one.details } };
      t.same(entry && laters.whole(entry), JSON.parse(JSON.stringify({ seq: 2, record })));
    }),
  );
});

t.test('P24 a later record whose opening is lost is told as lost with it', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
  const access = accessOf(spoolRecord({ phase: 'opening' }));
  await openIn(spool, access);
  spool.tellLater(access, closingOf(access));
  const other = accessOf(spoolRecord({ phase: 'opening', app: 'other' }));
  await openIn(spool, other);
  spool.tellLater(other, closingOf(other));
  const file = directory.file(spool.spool);
  spool.stop();
  const bytes = readFileSync(file);
  bytes[20]! ^= 1;
  writeFileSync(file, bytes);
  const sent: SpooledRecord[] = [];
  const send = async (_: string, records: SpooledRecord[]) => {
    sent.push(...records);
    return { through: sent.at(-1)!.seq };
  };
  await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send }).stop();
  t.match(sent, [
    { seq: 2, record: { event: 'records-lost', details: { first: 1, last: 2 } } },
    { seq: 3, record: { id: other.id } },
    { seq: 4, record: { opening: other.id, phase: 'closing', trace: 'a'.repeat(32) } },
  ]);
});

t.test('P24 an opening names no other than one of its own 2,048 numbers, and none that was not written', async (t) => {
  const said = new SaidParts();
  const [same, other] = [{ members: '"a":1' }, { members: '"a":1' }];
  const like = (seq: number, part = same) => said.like(seq, part);
  t.same([like(1), like(2, other), like(2047), like(2048), like(2049)], [undefined, undefined, 1, undefined, 2048]);
  said.forget();
  t.same([like(2050), like(2051)], [undefined, 2050]);
});

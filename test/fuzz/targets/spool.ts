/** Spool files as a crash, a bad disk or another hand left them: recovered without a throw, nothing good lost, nothing doubled. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { silentLog } from '#shared/base/log.ts';
import { type AccessRecord, accessRecord, type SpooledRecord } from '#shared/contracts/record.ts';
import { RecordDelivery } from '../../../gateway/records/deliver-records.ts';
import { LaterRecords } from '../../../gateway/records/later-record.ts';
import { recoverSpools } from '../../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { spoolLines } from '../../support/spool-lines.ts';
import { fromSchema, nearValid } from '../from-schema.ts';
import { applyEdits, type Edit, edits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget, Rig } from '../target.ts';

interface Case {
  /** JSON of each line; the checksum is always right. */
  readonly lines: readonly string[];
  readonly edits: readonly Edit[];
  readonly through: string;
}

const ids = ['rec_00000001', 'rec_00000002', 'rec_00000003'];
/** A few accesses that open, go on and close, in any order and also not at all. */
const record = fc
  .record({
    base: fromSchema(accessRecord),
    id: fc.constantFrom(...ids, 'rec_00000009'),
    opening: fc.option(fc.constantFrom(...ids), { nil: undefined }),
    phase: fc.constantFrom('opening', 'closing', 'progress', 'interrupted', 'single'),
  })
  .map(({ base, ...more }) => ({ ...(base as object), ...more }));
const later = fc
  .record({
    base: fromSchema(accessRecord),
    id: fc.constantFrom(...ids, 'rec_00000009'),
    opening: fc.constantFrom(...ids),
    phase: fc.constantFrom('closing', 'progress', undefined),
  })
  .map(({ base, ...more }) => ({ ...(base as object), ...more }));
const own = fc.record({
  id: fc.constantFrom(...ids, 'rec_00000009'),
  time: fc.nat(),
  trace: fc.constant('a'.repeat(32)),
});
/** Names one of the numbers before it, or one that is not there. */
const alike = fc.record({ seq: fc.constant(0), like: fc.nat(12), own: fc.oneof(own, record) });
const line = fc.oneof(
  { weight: 5, arbitrary: alike.map((one): unknown => one) },
  { weight: 5, arbitrary: later.map((one): unknown => ({ seq: 0, later: one })) },
  { weight: 10, arbitrary: record.map((one): unknown => ({ seq: 0, record: one })) },
  { weight: 2, arbitrary: record.map((carry): unknown => ({ carry })) },
  { weight: 1, arbitrary: fc.constant<unknown>({ left: true }) },
  { weight: 2, arbitrary: nearValid(accessRecord).map((one): unknown => ({ seq: 0, record: one })) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 1, arbitrary: fc.record({ seq: fc.jsonValue({ maxDepth: 1 }), record: fc.jsonValue({ maxDepth: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ seq: fc.jsonValue({ maxDepth: 1 }), later: fc.jsonValue({ maxDepth: 2 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ seq: fc.nat(9), like: fc.jsonValue({ maxDepth: 1 }), own: fc.jsonValue({ maxDepth: 2 }) }),
  },
);

/** Numbered in order, as a writer would, unless a line brings a number of its own. */
function numbered(lines: readonly unknown[]): string[] {
  let seq = 0;
  return lines.map((one) => {
    const isPlain =
      typeof one === 'object' &&
      one !== null &&
      ('record' in one || 'later' in one || 'own' in one) &&
      'seq' in one &&
      one.seq === 0;
    return JSON.stringify(isPlain ? { ...one, seq: ++seq } : one);
  });
}

const cases: fc.Arbitrary<Case> = fc.record({
  lines: fc.array(line, { maxLength: 12 }).map(numbered),
  edits: edits({ tokens: ['\n', ' ', '{}', '{"left":true}'] }),
  through: fc.constantFrom('', '0', '2', '-1', 'x', '99', 'NaN', 'Infinity'),
});

const encode = (json: string) => `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
const spoolId = 'spl_00000001';

export const spool: FuzzTarget = {
  name: 'spool',
  about: 'recovery and delivery of spool files that were torn, altered or made up',
  block: 300,
  async open() {
    const rig = new Rig();
    const directory = new SpoolDirectory(rig.testdir());
    const file = directory.file(spoolId);
    return {
      cases: cases as fc.Arbitrary<never>,
      async judge({ lines, edits, through }: Case) {
        for (const name of directory.list()) directory.remove(name);
        const written = applyEdits(Buffer.from(lines.map(encode).join('')), edits);
        writeFileSync(file, written);
        if (through !== '') writeFileSync(file.replace(/spool$/, 'through'), through);
        const before = spoolLines(written);
        const count = recoverSpools(directory, [spoolId], 5000);
        const bytes = readFileSync(file);
        const after = spoolLines(bytes);
        if (bytes.equals(written) && directory.readEnd(spoolId).left) {
          // Left in order by its last line: it is not looked into again, and what was altered before that line stays as it is.
          must(count === 0, 'accesses of a segment that was left were interrupted');
          return deliver(directory);
        }
        must(after.end === bytes.length, 'a recovered file has a torn tail');
        must(bytes.subarray(0, before.end).equals(written.subarray(0, before.end)), 'what was there was changed');
        const added = after.lines.length - before.lines.length;
        must(added === 0 || added === count + 1, `${added} lines were added for ${count} interrupted`);
        must(
          after.lines.some((one) => 'left' in one),
          'a recovered file is not marked as left',
        );
        must(recoverSpools(directory, [spoolId], 6000) === 0, 'recovered twice');
        must(readFileSync(file).equals(bytes), 'a second recovery changed the file');
        eachHasOneEnd(
          after.lines.flatMap((one) => ('record' in one ? [one.record] : 'carry' in one ? [one.carry] : [])),
        );
        await deliver(directory);
      },
      close: () => rig.close(),
    } as OpenTarget<never>;
  },
};

/** Of what recovery had to close: the ends that it wrote are one for each opening, and none for what had a closing. */
function eachHasOneEnd(records: readonly AccessRecord[]): void {
  const ends = records
    .filter(({ phase, time }) => phase === 'interrupted' && time === 5000)
    .map(({ opening }) => opening);
  must(new Set(ends).size === ends.length, 'an access was interrupted twice');
}

/** A controller that takes what is in order; every good record must come to it, or be told as lost, whatever else is in the file. */
async function deliver(directory: SpoolDirectory): Promise<void> {
  const { lines } = spoolLines(readFileSync(directory.file(spoolId)));
  const known = directory.readThrough(spoolId);
  const kept: SpooledRecord[] = [];
  let through = known;
  const delivery = new RecordDelivery({
    gateway: 'gw-1',
    directory,
    log: silentLog,
    send: async (_spool, records) => {
      for (const one of records) {
        const first = one.record.event === 'records-lost' ? Number(one.record.details?.['first']) : one.seq;
        if (one.seq <= through || first > through + 1) continue;
        kept.push(one);
        through = one.seq;
      }
      return { through };
    },
  });
  await delivery.stop();
  let last = known;
  const laters = new LaterRecords();
  for (const read of lines) {
    // What belongs to an opening that is lost is lost with it.
    const line = laters.whole(read);
    if (line === undefined) continue;
    // Numbers that go back are a twin, which the controller judges; those that jump beyond all counting are nobody's.
    if (!('seq' in line) || line.seq <= last || line.seq > last + 1_000_000) continue;
    must(
      kept.some(({ seq, record }) => seq === line.seq && JSON.stringify(record) === JSON.stringify(line.record)),
      `the good record ${line.seq} did not come`,
    );
    last = line.seq;
  }
  rmSync(directory.file(spoolId), { force: true });
}

/** P24: openings rest on the first of their grant, later records on their opening. One damaged line takes what rests on it, and nothing else. */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import { RecordDelivery } from '../../gateway/records/deliver-records.ts';
import { recoverSpools } from '../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../gateway/records/spool-format.ts';
import { SpoolWriter } from '../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../support/spool-access.ts';
import { spoolRecord } from '../support/spool-records.ts';

/** One access: under which of three grants, and whether it ends. */
interface Step {
  readonly grant: number;
  readonly closes: boolean;
  readonly refuses: boolean;
}

/** Numbers of one segment: which record stands at each, and on which others it rests. */
interface Written {
  readonly record: AccessRecord;
  readonly on: readonly number[];
}

/** Writes a segment as a gateway would; what is in it comes from what was asked for, and not from what the writer made of it. */
async function write(directory: SpoolDirectory, steps: readonly Step[]): Promise<{ file: string; all: Written[] }> {
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
  const all: Written[] = [];
  const firsts = new Map<number, number>();
  for (const { grant, closes, refuses } of steps) {
    const opening = spoolRecord({ phase: 'opening', person: `p${grant}`, details: { of: grant } });
    const access = accessOf(opening);
    await openIn(spool, access);
    const first = firsts.get(grant);
    const seq = all.push({ record: opening, on: first === undefined ? [] : [first] });
    if (first === undefined) firsts.set(grant, seq);
    if (refuses) {
      const record = spoolRecord({ verdict: 'deny', reasons: ['no-permit'], device: `dev_${all.length}` });
      spool.refuse(record);
      all.push({ record, on: [] });
    }
    if (!closes) continue;
    const closing = closingOf(access, { bytesDown: grant });
    spool.tellLater(access, closing);
    all.push({ record: { ...opening, ...closing, details: { of: grant, ...closing.details } }, on: [seq] });
  }
  // One record behind all others: where accesses are open, no line of a writer that stopped tells how many there were.
  const last = spoolRecord();
  spool.tell(last);
  all.push({ record: last, on: [] });
  const file = directory.file(spool.spool);
  spool.stop();
  return { file, all };
}

/** Numbers that are gone with those at `hit`. */
function goneWith(all: readonly Written[], hit: readonly number[]): Set<number> {
  const gone = new Set(hit);
  for (const [index, { on }] of all.entries()) if (on.some((seq) => gone.has(seq))) gone.add(index + 1);
  return gone;
}

/** What the controller would have at the end: records by number, and the numbers that were told to be lost. */
async function deliver(directory: SpoolDirectory) {
  const kept = new Map<number, AccessRecord>();
  const lost = new Set<number>();
  const send = async (_: string, records: SpooledRecord[]) => {
    for (const { seq, record } of records) {
      if (record.event !== 'records-lost') kept.set(seq, record);
      else for (let at = Number(record.details?.['first']); at <= seq; at += 1) lost.add(at);
    }
    return { through: records.at(-1)!.seq };
  };
  await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send }).stop();
  return { kept, lost };
}

const step = fc.record({ grant: fc.nat(2), closes: fc.boolean(), refuses: fc.boolean() });

async function lose(t: Test, steps: readonly Step[], line: number, at: number): Promise<void> {
  const directory = new SpoolDirectory(t.testdir());
  const { file, all } = await write(directory, steps);
  const bytes = readFileSync(file);
  const lines = bytes.toString('latin1').split('\n').slice(0, -1);
  // Behind the last one nothing tells what it was.
  const hit = line % Math.max(1, lines.length - 1);
  if (lines.length === 1) return;
  const start = lines.slice(0, hit).reduce((sum, { length }) => sum + length + 1, 0);
  const place = start + (at % lines[hit]!.length);
  const numbers = Array.from(lines[hit]!.matchAll(/"seq":(\d+)/g), ([, seq]) => Number(seq));
  bytes[place] = bytes[place] === 0x78 ? 0x79 : 0x78;
  writeFileSync(file, bytes);
  const { kept, lost } = await deliver(directory);
  const gone = goneWith(all, numbers);
  t.same([...lost].sort(byNumber), [...gone].sort(byNumber), 'what rests on it is told as lost, and nothing else');
  const whole = all.flatMap(({ record }, index) => (gone.has(index + 1) ? [] : [[index + 1, record] as const]));
  t.same([...kept], whole, 'all others are whole');
}

const byNumber = (a: number, b: number): number => a - b;

t.test('P24 one damaged line takes exactly what rests on it with it, and that is told', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (steps, line, at) =>
      lose(t, steps, line, at),
    ),
    { numRuns: 60 },
  );
});

t.test('P24 damage to the first opening of a grant takes no more than the writer sends again after it', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const steps = Array.from({ length: 1500 }, (): Step => ({ grant: 0, closes: true, refuses: false }));
  const { file } = await write(directory, steps);
  const bytes = readFileSync(file);
  bytes[20]! ^= 1;
  writeFileSync(file, bytes);
  const { kept, lost } = await deliver(directory);
  t.equal(kept.size + lost.size, 3001);
  t.equal(Math.max(...lost), 2048, 'the next opening says all anew');
});

t.test('P24 no opening is read as one of the segment before, whose numbers are the same', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const [first, second] = ['spl_00000001', 'spl_00000001-00000001'] as const;
  const anna = spoolRecord({ phase: 'opening', person: 'anna' });
  const { id, time, trace } = spoolRecord();
  writeFileSync(directory.file(first), encodeLine({ seq: 1, record: anna }));
  // The one of emil, to which it is alike, is lost.
  const alike = encodeLine({ seq: 2, like: 1, own: { id, time, trace } });
  writeFileSync(directory.file(second), `${encodeLine({ carry: anna })}${'x'.repeat(200)}\n${alike}`);
  t.equal(recoverSpools(directory, [first, second], 5000), 1);
  const sent: AccessRecord[] = [];
  const send = async (_: string, records: SpooledRecord[]) => {
    sent.push(...records.map(({ record }) => record));
    return { through: records.at(-1)!.seq };
  };
  await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send }).stop();
  t.match(sent, [
    anna,
    { event: 'records-lost', details: { spool: second, first: 1, last: 2 } },
    { phase: 'interrupted', opening: anna.id, person: 'anna' },
  ]);
  t.equal(sent.length, 3);
});

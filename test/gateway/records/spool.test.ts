import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { OpenAccess } from '../../../gateway/record-sink.ts';
import { RecordDelivery } from '../../../gateway/records/deliver-records.ts';
import { LaterRecords } from '../../../gateway/records/later-record.ts';
import { recoverSpools } from '../../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../../gateway/records/spool-format.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';
import { accessOf, closingOf, openIn } from '../../support/spool-access.ts';
import { spoolLines } from '../../support/spool-lines.ts';
import { recordKeeper as keeper, spoolRecord as record } from '../../support/spool-records.ts';

function writer(
  test: Test,
  directory: SpoolDirectory,
  over: Partial<ConstructorParameters<typeof SpoolWriter>[0]> = {},
) {
  const made = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9, ...over });
  test.teardown(() => made.stop());
  return made;
}

/** What the segments say, with later records made whole. */
function wholeLines(directory: SpoolDirectory, spools: readonly string[]) {
  const laters = new LaterRecords();
  return spools.flatMap((name) => {
    laters.beginSegment();
    return spoolLines(readFileSync(directory.file(name))).lines.flatMap((line) => laters.whole(line) ?? []);
  });
}

t.test('P24 an opening stands in the file before open() resolves', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = writer(t, directory);
  const opening = record({ phase: 'opening' });
  await openIn(spool, accessOf(opening));
  t.same(spoolLines(readFileSync(directory.file(spool.spool))).lines, [{ seq: 1, record: opening }]);
});

t.test('everything is delivered once and in order, over segments and restarts, and then removed', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9, segmentBytes: 2000 });
  const sent: string[] = [];
  for (let i = 0; i < 40; i++) {
    const access = accessOf(record({ phase: 'opening' }));
    await openIn(spool, access);
    spool.tellLater(access, closingOf(access));
    sent.push(access.id);
  }
  spool.stop();
  t.ok(directory.list().length > 3, 'several segments');
  const controller = keeper();
  const lost = new RecordDelivery({
    gateway: 'gw-1',
    directory,
    log: silentLog,
    send: async (id, records) => {
      await controller.send(id, records);
      throw new Error('the answer was lost');
    },
  });
  await t.rejects(lost.deliverAll());
  await lost.stop();
  const delivery = new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send: controller.send });
  await delivery.stop();
  const ids = controller
    .all()
    .filter((found) => found.phase === 'opening')
    .map((found) => found.id);
  t.same(ids.sort(), sent.sort());
  t.equal(controller.all().length, 80);
  t.same(directory.list(), []);
});

t.test('P24 recovery cuts a torn tail off and closes what was open as interrupted', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const file = directory.file('spl_00000001');
  const [a, b, c] = [record({ phase: 'opening' }), record({ phase: 'opening' }), record({ phase: 'opening' })];
  const closing = record({ phase: 'closing', opening: a.id });
  const lines = [{ carry: c }, { seq: 1, record: a }, { seq: 2, record: b }, { seq: 3, record: closing }];
  writeFileSync(file, lines.map((entry) => encodeLine(entry)).join(''));
  appendFileSync(file, encodeLine({ seq: 4, record: record() }).slice(0, 40));
  t.equal(recoverSpools(directory, ['spl_00000001'], 5000), 2);
  t.equal(recoverSpools(directory, ['spl_00000001'], 6000), 0, 'once');
  const read = spoolLines(readFileSync(file)).lines.flatMap((line) => ('seq' in line ? [line] : []));
  t.same(
    read.map((line) => line.seq),
    [1, 2, 3, 4, 5],
  );
  t.match(
    read.slice(3).flatMap((line) => ('record' in line ? [line.record] : [])),
    [
      { phase: 'interrupted', opening: c.id, time: 5000 },
      { phase: 'interrupted', opening: b.id },
    ],
  );
});

t.test('P24 recovery cut short at any byte, and run again, closes each opening once over all segments', async (t) => {
  const [a, b, c] = [record({ phase: 'opening' }), record({ phase: 'opening' }), record({ phase: 'opening' })];
  const closing = record({ phase: 'closing', opening: b.id });
  // Killed while it began its second segment: the first was not marked, and what was open is carried.
  const first = [a, b, c].map((record, index) => encodeLine({ seq: index + 1, record })).join('');
  const second = [...[a, b, c].map((carry) => encodeLine({ carry })), encodeLine({ seq: 1, record: closing })].join('');
  const names = ['spl_00000001', 'spl_00000001-00000001'] as const;
  const write = (directory: SpoolDirectory, cut: number) => {
    writeFileSync(directory.file(names[0]), first);
    writeFileSync(directory.file(names[1]), second.slice(0, cut));
  };
  const read = (directory: SpoolDirectory) => wholeLines(directory, names);
  for (let cut = 0; cut <= second.length; cut += 97) {
    const directory = new SpoolDirectory(t.testdir());
    write(directory, cut);
    recoverSpools(directory, names, 5000);
    const done = names.map((name) => readFileSync(directory.file(name)));
    // Again, from each state that a kill of the recovery itself can leave: of the last segment first, then of the one before it.
    const written = readFileSync(directory.file(names[1])).length;
    for (let at = spoolLines(Buffer.from(second.slice(0, cut))).end; at <= written; at += 31) {
      writeFileSync(directory.file(names[0]), first);
      writeFileSync(directory.file(names[1]), done[1]!.subarray(0, at));
      recoverSpools(directory, directory.segmentsOf(names[1]), 6000);
      const lines = read(directory);
      const ends = lines.flatMap((line) =>
        'record' in line && line.record.phase !== 'opening' ? (line.record.opening ?? '') : [],
      );
      t.same(ends.sort(), [a.id, b.id, c.id].sort(), `cut at ${cut}, again at ${at}`);
      t.ok(
        names.every((name) => directory.readEnd(name).left),
        'both may go once they are delivered',
      );
      const seqs = spoolLines(readFileSync(directory.file(names[1]))).lines.flatMap((line) =>
        'seq' in line ? line.seq : [],
      );
      t.same(
        seqs,
        [...seqs.keys()].map((index) => index + 1),
      );
    }
  }
});

t.test('P24 a writer that begins segments leaves each opening one end, wherever it is killed', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9, segmentBytes: 2000 });
  const opened: OpenAccess[] = [];
  for (let i = 0; i < 40; i++) {
    const access = accessOf(record({ phase: 'opening' }));
    await openIn(spool, access);
    opened.push(access);
    if (i % 3 === 0) spool.tellLater(opened[i / 3]!, closingOf(opened[i / 3]!));
  }
  await new Promise(setImmediate);
  const spools = directory.list();
  t.ok(spools.length > 3);
  t.same(directory.segmentsOf(spool.spool), spools, 'all segments of one writer go by its name, in order');
  recoverSpools(directory, spools, 1);
  const lines = wholeLines(directory, spools);
  const ends = lines.flatMap((line) =>
    'record' in line && line.record.phase !== 'opening' ? (line.record.opening ?? '') : [],
  );
  t.same(ends.sort(), opened.map(({ id }) => id).sort());
  spool.stop();
});

t.test('P24 refusals have a quarter of the spool between all writers, also after a restart', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const flood = (spool: SpoolWriter, devices: number) => {
    for (let device = 0; device < devices; device++)
      spool.refuse(record({ verdict: 'deny', reasons: ['no-permit'], device: `dev_${device}` }));
  };
  const limits = { directory, log: silentLog, maxBytes: 200_000, segmentBytes: 10_000, writers: 4 };
  const size = () => [...directory.sizes().values()].reduce((sum, bytes) => sum + bytes, 0);
  for (let life = 0; life < 3; life++) {
    const writers = Array.from({ length: 4 }, () => new SpoolWriter(limits));
    for (let round = 0; round < 20; round++) {
      for (const spool of writers) flood(spool, 50);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    const access = accessOf(record({ phase: 'opening' }));
    await openIn(writers[0]!, access);
    writers[0]!.tellLater(access, closingOf(access));
    for (const spool of writers) spool.stop();
    t.ok(size() < 100_000, `${size()} bytes after ${life + 1} lives of four writers under a flood`);
  }
});

t.test('an altered line and all after it are not believed', async (t) => {
  const bytes = Buffer.from(encodeLine({ seq: 1, record: record() }) + encodeLine({ seq: 2, record: record() }));
  bytes[bytes.indexOf(10) + 30]! ^= 1;
  t.equal(spoolLines(bytes).lines.length, 1);
});

t.test('P24 a full spool refuses openings and still takes closings', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = writer(t, directory, { maxBytes: 300 });
  const access = accessOf(record({ phase: 'opening' }));
  await openIn(spool, access);
  spool.tellLater(access, closingOf(access));
  await new Promise(setImmediate);
  await t.rejects(openIn(spool, accessOf(record({ phase: 'opening' }))), { code: 'record-failed' });
  t.equal(spoolLines(readFileSync(directory.file(spool.spool))).lines.length, 2);
});

t.test('P24 equal denials beyond fifty a second become one counted record', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
  for (let i = 0; i < 1000; i++)
    spool.refuse(record({ verdict: 'deny', reasons: ['grant-expired'], device: 'dev_00000001' }));
  spool.refuse(record({ verdict: 'deny', reasons: ['grant-missing'], device: 'dev_00000001' }));
  const file = directory.file(spool.spool);
  spool.stop();
  const lines = spoolLines(readFileSync(file)).lines.flatMap((line) => ('record' in line ? [line.record] : []));
  t.equal(lines.length, 52);
  t.equal(
    lines.reduce((sum, line) => sum + (line.count ?? 1), 0),
    1001,
    'none is lost from the count',
  );
});

t.test('P24 kill -9 loses no opening that was confirmed', async (t) => {
  const path = t.testdir();
  const child = fork(new URL('./spool-child.ts', import.meta.url), [path], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const confirmed: string[] = [];
  child.on('message', (id) => confirmed.push(String(id)));
  while (confirmed.length < 50) await once(child, 'message');
  child.kill('SIGKILL');
  await once(child, 'close');
  const directory = new SpoolDirectory(path);
  recoverSpools(directory, directory.list(), 1);
  const controller = keeper();
  await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send: controller.send }).stop();
  const opened = controller
    .all()
    .filter((found) => found.phase === 'opening')
    .map((found) => found.id);
  const ended = controller
    .all()
    .filter((found) => found.phase !== 'opening')
    .map((found) => found.opening);
  for (const id of confirmed) if (!opened.includes(id)) t.fail(`${id} is lost`);
  t.same(ended.sort(), opened.sort(), 'each opening has exactly one end');
});

t.test('P24 a time in which no access could be recorded is told once it is over', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const other = directory.file(directory.newSpool());
  writeFileSync(other, 'x'.repeat(2000));
  const spool = writer(t, directory, { maxBytes: 2000 });
  const pauses: string[] = [];
  const refused = new Promise<void>((resolve) => {
    const looking = setInterval(() => {
      openIn(spool, accessOf(record({ phase: 'opening' }))).catch(() => {
        clearInterval(looking);
        resolve();
      });
    }, 20);
  });
  const told = new Promise<void>((resolve) => {
    spool.onPause(({ why, ms }) => {
      pauses.push(why);
      resolve();
      return record({ kind: 'gateway', event: 'paused', verdict: 'none', details: { ms } });
    });
  });
  await refused;
  // Its next look, once a second, sees that the spool is full, and one after that that it is not.
  setTimeout(() => directory.remove(basename(other, '.spool')), 1500);
  await told;
  await new Promise(setImmediate);
  t.same(pauses, ['the spool is full: the controller takes no records']);
  const lines = spoolLines(readFileSync(directory.file(spool.spool))).lines;
  t.match(lines.at(-1), { record: { event: 'paused' } });
});

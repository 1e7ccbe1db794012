import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import { RecordDelivery } from '../../../gateway/records/deliver-records.ts';
import { recoverSpool } from '../../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { decodeLines, encodeLine } from '../../../gateway/records/spool-format.ts';
import { SpoolWriter } from '../../../gateway/records/spool-writer.ts';

let made = 0;
function record(over: Partial<AccessRecord> = {}): AccessRecord {
  const id = `rec_${String(++made).padStart(10, '0')}`;
  return {
    id,
    time: made,
    kind: 'access',
    phase: 'single',
    trace: 'a'.repeat(32),
    verdict: 'allow',
    reasons: ['grant-valid'],
    ...over,
  };
}

function writer(
  test: Test,
  directory: SpoolDirectory,
  over: Partial<ConstructorParameters<typeof SpoolWriter>[0]> = {},
) {
  const made = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9, ...over });
  test.teardown(() => made.stop());
  return made;
}

/** A controller that keeps what it is sent, once. */
function keeper() {
  const kept = new Map<string, SpooledRecord[]>();
  const send = async (spool: string, records: SpooledRecord[]) => {
    const have = kept.get(spool) ?? [];
    kept.set(spool, have);
    for (const line of records) if (line.seq === have.length + 1) have.push(line);
    return { through: have.length };
  };
  return { kept, send, all: () => [...kept.values()].flat().map((line) => line.record) };
}

t.test('P24 an opening stands in the file before open() resolves', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = writer(t, directory);
  const opening = record({ phase: 'opening' });
  await spool.open(opening);
  t.same(decodeLines(readFileSync(directory.file(spool.spool))).lines, [{ seq: 1, record: opening }]);
});

t.test('everything is delivered once and in order, over segments and restarts, and then removed', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9, segmentBytes: 2000 });
  const sent: string[] = [];
  for (let i = 0; i < 40; i++) {
    const opening = record({ phase: 'opening' });
    spool.close(await spool.open(opening), record({ phase: 'closing', opening: opening.id }));
    sent.push(opening.id);
  }
  spool.stop();
  t.ok(directory.list().length > 3, 'several segments');
  const controller = keeper();
  const lost = new RecordDelivery({
    directory,
    log: silentLog,
    send: async (id, records) => {
      await controller.send(id, records);
      throw new Error('the answer was lost');
    },
  });
  await t.rejects(lost.deliverAll());
  await lost.stop();
  const delivery = new RecordDelivery({ directory, log: silentLog, send: controller.send });
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
  writeFileSync(file, lines.map(encodeLine).join(''));
  appendFileSync(file, encodeLine({ seq: 4, record: record() }).slice(0, 40));
  t.equal(recoverSpool(directory, 'spl_00000001', 5000), 2);
  t.equal(recoverSpool(directory, 'spl_00000001', 6000), 0, 'once');
  const read = decodeLines(readFileSync(file)).lines.flatMap((line) => ('seq' in line ? [line] : []));
  t.same(
    read.map((line) => line.seq),
    [1, 2, 3, 4, 5],
  );
  t.match(
    read.slice(3).map((line) => line.record),
    [
      { phase: 'interrupted', opening: c.id, time: 5000 },
      { phase: 'interrupted', opening: b.id },
    ],
  );
});

t.test('an altered line and all after it are not believed', async (t) => {
  const bytes = Buffer.from(encodeLine({ seq: 1, record: record() }) + encodeLine({ seq: 2, record: record() }));
  bytes[bytes.indexOf(10) + 30]! ^= 1;
  t.equal(decodeLines(bytes).lines.length, 1);
});

t.test('P24 a full spool refuses openings and still takes closings', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = writer(t, directory, { maxBytes: 300 });
  const opening = record({ phase: 'opening' });
  spool.close(await spool.open(opening), record({ phase: 'closing', opening: opening.id }));
  await new Promise(setImmediate);
  await t.rejects(spool.open(record({ phase: 'opening' })), { code: 'record-failed' });
  t.equal(decodeLines(readFileSync(directory.file(spool.spool))).lines.length, 2);
});

t.test('P24 equal denials beyond fifty a second become one counted record', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  const spool = new SpoolWriter({ directory, log: silentLog, maxBytes: 1e9 });
  for (let i = 0; i < 1000; i++)
    spool.refuse(record({ verdict: 'deny', reasons: ['grant-expired'], device: 'dev_00000001' }));
  spool.refuse(record({ verdict: 'deny', reasons: ['grant-missing'], device: 'dev_00000001' }));
  const file = directory.file(spool.spool);
  spool.stop();
  const lines = decodeLines(readFileSync(file)).lines.flatMap((line) => ('record' in line ? [line.record] : []));
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
  const [spool] = directory.list();
  recoverSpool(directory, spool!, 1);
  const controller = keeper();
  await new RecordDelivery({ directory, log: silentLog, send: controller.send }).stop();
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

/** P24: what a full disk, and a flood of refusals, must not bring about. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { RecordDelivery } from '../../gateway/records/deliver-records.ts';
import { DenialMerger } from '../../gateway/records/merge-denials.ts';
import { recoverSpools } from '../../gateway/records/recover-spool.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../gateway/records/spool-format.ts';
import { keepLog } from '../support/kept-log.ts';
import { recordKeeper, spoolRecord } from '../support/spool-records.ts';

/** Else Node would keep what it compiled at its end, in a file that is too large here. */
const uncached = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
const child = fileURLToPath(new URL('../gateway/records/full-disk-child.ts', import.meta.url));

t.test(
  'P24 a full disk refuses access, keeps its file readable, and a flood of refusals fills no memory',
  async (t) => {
    // Files may have 64 blocks: the kernel then refuses what a full disk would.
    const limited = ['-c', 'ulimit -f 64 && exec "$0" --expose-gc "$@"', process.execPath, child, t.testdir()];
    const { stdout } = await promisify(execFile)('sh', limited, { timeout: 60_000, env: uncached });
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    t.equal(seen['refused'], 'record-failed');
    t.ok(Number(seen['opened']) > 10, 'access until then');
    t.equal(seen['lines'], seen['opened'], 'what was let in stands in the file, and nothing that was not');
    t.equal(seen['whole'], true, 'no line is torn');
    t.ok(Number(seen['grown']) < 20e6, `50,000 refusals hold ${seen['grown']} bytes`);
  },
);

t.test('P24 what a full disk did not take is said again: no opening rests on one that is not there', async (t) => {
  const path = t.testdir();
  const child = fileURLToPath(new URL('../gateway/records/refused-write-child.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, path], { timeout: 60_000, env: uncached });
  const { opened, refused } = JSON.parse(stdout) as { opened: string[]; refused: number };
  t.equal(refused, 2);
  t.equal(opened.length, 5);
  const directory = new SpoolDirectory(path);
  recoverSpools(directory, directory.list(), 5000);
  const controller = recordKeeper();
  await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send: controller.send }).stop();
  const openings = controller.all().filter(({ phase }) => phase === 'opening');
  t.same(
    openings.map(({ id, person }) => `${id} ${person}`),
    opened,
  );
  t.notOk(controller.all().some(({ event }) => event === 'records-lost'));
});

t.test(
  'P24 a spool that was stopped on a full disk writes no more, into whatever file has its number by then',
  async (t) => {
    const child = fileURLToPath(new URL('../gateway/records/stopped-spool-child.ts', import.meta.url));
    const args = [child, join(t.testdir({ spool: {} }), 'spool'), join(t.testdirName, 'other')];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000, env: uncached });
    const right = { opened: [false, false], timers: 0, bytes: 0 };
    t.same(JSON.parse(stdout), [right, right]);
  },
);

t.test('P24 a counted record never repeats the id of one that was written', async (t) => {
  // The controller refuses a second record of an id, and with it all that the spool holds behind it.
  const written: AccessRecord[] = [];
  const merger = new DenialMerger((record) => written.push(record));
  let count = 0;
  const deny = () => ({ id: `rec_${++count}`, device: 'dev_1', reasons: ['no-permit'] }) as unknown as AccessRecord;
  merger.take(deny(), false);
  merger.take(deny(), true);
  merger.flush();
  t.same(
    written.map(({ id, count: of }) => [id, of]),
    [
      ['rec_2', undefined],
      ['rec_1', 1],
    ],
  );
});

t.test('P24 strangers who come from ever new addresses are counted, not written one by one', async (t) => {
  const written: AccessRecord[] = [];
  const merger = new DenialMerger((record) => written.push(record));
  let made = 0;
  const stranger = (from: string) =>
    ({ id: `rec_${++made}`, from, verdict: 'deny', reasons: ['certificate-missing'] }) as unknown as AccessRecord;
  const hex = (number: number) => number.toString(16);
  // One line has 2^64 addresses; one who rents a little more has 65,536 such networks.
  for (let at = 0; at < 5000; at += 1) merger.take(stranger(`2001:db8:1:1::${hex(at)}`), true);
  merger.flush();
  t.ok(written.length <= 51, `of one line: ${written.length}`);
  for (let at = 0; at < 5000; at += 1) merger.take(stranger(`2001:db8:2:${hex(at)}::1`), true);
  merger.flush();
  t.ok(written.length < 300, `and of 5,000 lines in one second: ${written.length}`);
  t.equal(
    written.reduce((sum, { count = 1 }) => sum + count, 0),
    made,
    'and yet each is told of',
  );
  for (let at = 0; at < 60; at += 1)
    merger.take({ ...stranger('10.0.0.1'), device: `dev_${at}` } as unknown as AccessRecord, true);
  merger.take(stranger('10.0.0.2'), true);
  t.equal(written.at(-1)?.from, '10.0.0.2', 'the next second begins anew');
});

t.test('P24 a segment that a read-only disk does not let go of keeps none behind it back', async (t) => {
  const directory = new SpoolDirectory(t.testdir());
  let stuck = true;
  const remove = directory.remove.bind(directory);
  directory.remove = (spool) => {
    if (stuck && spool === 'spl_00000001') throw Object.assign(new Error('EROFS'), { code: 'EROFS' });
    remove(spool);
  };
  const of = (n: number) => ({ id: `rec_${String(n).padStart(8, '0')}` }) as unknown as AccessRecord;
  for (const [n, spool] of ['spl_00000001', 'spl_00000002'].entries())
    writeFileSync(
      directory.file(spool),
      encodeLine({ seq: 1, record: of(n) }) + encodeLine({ left: true, last: 1, denials: 0 }),
    );
  const taken: string[] = [];
  const { log, lines } = keepLog();
  const delivery = new RecordDelivery({
    gateway: 'gw-1',
    directory,
    log,
    send: async (spool, records) => {
      taken.push(spool);
      return { through: records.at(-1)!.seq };
    },
  });
  t.teardown(() => delivery.stop());
  await delivery.deliverAll();
  await delivery.deliverAll();
  t.same(taken, ['spl_00000001', 'spl_00000002'], 'each once');
  t.same(directory.list(), ['spl_00000001']);
  t.equal(lines.length, 1, 'told once');
  stuck = false;
  await delivery.deliverAll();
  t.same(directory.list(), []);
});

t.test('P24 without room a flood is told once for each reason, at every tenth look', async (t) => {
  const written: AccessRecord[] = [];
  const merger = new DenialMerger((record) => written.push(record));
  for (let second = 1; second <= 10; second += 1) {
    t.equal(written.length, 0, `before second ${second}`);
    for (let n = 0; n < 3; n += 1)
      merger.take(spoolRecord({ verdict: 'deny', device: `dev_${n}`, reasons: ['grant-missing'] }), false);
    merger.flush(false);
  }
  t.match(written, [{ count: 30, reasons: ['grant-missing'] }]);
  t.equal(written.length, 1);
});

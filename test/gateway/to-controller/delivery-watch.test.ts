/** P24: a gateway says of no moment that all before it was delivered when it was not, and says it of each at last. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import { RecordDelivery } from '../../../gateway/records/deliver-records.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../../gateway/records/spool-format.ts';
import { DeliveryWatch } from '../../../gateway/to-controller/delivery-watch.ts';

const record = (time: number): AccessRecord => ({
  id: `rec_watch${String(time).padStart(10, '0')}`,
  time,
  kind: 'access',
  phase: 'single',
  trace: 'a'.repeat(32),
  verdict: 'deny',
  reasons: ['grant-missing'],
  gateway: 'gw-1',
});

function open(t: Test) {
  const path = mkdtempSync(join(tmpdir(), 'postern-watch-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  const directory = new SpoolDirectory(path);
  const watch = new DeliveryWatch(directory);
  const write = (spool: string, times: readonly number[], first = 1) =>
    writeFileSync(
      directory.file(spool),
      times.map((time, at) => encodeLine({ seq: first + at, record: record(time) })).join(''),
      { flag: 'a' },
    );
  /** One pass, in which the controller takes so many more records. */
  const deliver = async (most = Number.POSITIVE_INFINITY, from = 0) => {
    let left = most;
    const send = watch.watch(async (_: string, records: SpooledRecord[]) => {
      if (left === 0) throw new Error('it is away');
      const taken = records.slice(0, left);
      left -= taken.length;
      return { through: taken.at(-1)?.seq ?? from };
    });
    await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send }).stop();
  };
  return { directory, watch, write, deliver };
}

t.test('nothing was ever recorded: all of it is there', async (t) => {
  const { watch } = open(t);
  t.equal(watch.look(1000, true), 1000);
  t.equal(watch.look(2000, true), 2000);
});

t.test('what is left from before a start is waited for', async (t) => {
  const { watch, write, deliver } = open(t);
  write('spl_00000001', [10, 20, 30]);
  t.equal(watch.look(1000, true), undefined, 'nobody knows since when it waits');
  await deliver(2);
  t.equal(watch.look(1000, true), 20, 'two of three');
  await deliver();
  t.equal(watch.look(1001, true), 1001);
});

t.test('while records wait the moment stands still; of several spools the one that is behind counts', async (t) => {
  const { watch, write, deliver } = open(t);
  write('spl_00000001', [10]);
  write('spl_00000002', [15]);
  await deliver();
  t.equal(watch.look(100, true), 100);
  write('spl_00000001', [110], 2);
  t.equal(watch.look(120, true), 100, 'never less than was said');
  write('spl_00000003', [115]);
  await deliver(1);
  t.equal(watch.look(130, true), 100, 'of a spool that nothing was delivered of it is not known');
  await deliver();
  t.equal(watch.look(140, true), 140);
});

t.test('what waits in memory for a disk is waited for, and a damaged end is not taken for delivered', async (t) => {
  const { directory, watch, write, deliver } = open(t);
  write('spl_00000001', [10]);
  await deliver();
  t.equal(watch.look(100, true), 100);
  t.equal(watch.look(200, false), 100);
  writeFileSync(directory.file('spl_00000001'), 'no line of a spool\n', { flag: 'a' });
  t.equal(watch.look(300, true), 100);
});

t.test('a clock that was ahead for a moment is forgotten', async (t) => {
  const { watch, write } = open(t);
  t.equal(watch.look(5000, true), 5000);
  write('spl_00000001', [1100]);
  t.equal(watch.look(1200, true), 1200);
});

t.test('a segment that was delivered and removed counts no more', async (t) => {
  const { directory, watch, write, deliver } = open(t);
  write('spl_00000001', [10]);
  writeFileSync(directory.file('spl_00000001'), encodeLine({ left: true, denials: 0, last: 1 }), { flag: 'a' });
  await deliver();
  t.same(readdirSync(directory.path), []);
  t.equal(watch.look(50, true), 50);
});

import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { DiskReserve } from '../../../controller/store/disk-reserve.ts';
import { keepLog } from '../../support/kept-log.ts';

t.test('P24 the reserve takes its blocks, is there again at the next start, and can be switched off', async (t) => {
  const dir = t.testdir();
  const bytes = 1024 * 1024;
  const first = new DiskReserve({ dir, bytes, log: silentLog });
  await first.stop();
  const { size, blocks } = statSync(join(dir, 'reserve'));
  t.equal(size, bytes);
  t.ok(blocks * 512 >= bytes, 'no hole in a file that others could fill');
  t.match(first.state(), { short: false, free: Number });
  first.requireRoom();
  const second = new DiskReserve({ dir, bytes, log: silentLog });
  await second.stop();
  const off = t.testdir({ off: {} });
  await new DiskReserve({ dir: join(off, 'off'), bytes: 0, log: silentLog }).stop();
  t.notOk(existsSync(join(off, 'off', 'reserve')));
});

t.test('P24 a disk that has no room for the reserve is short from the start', async (t) => {
  const reserve = new DiskReserve({ dir: t.testdir(), bytes: Number.MAX_SAFE_INTEGER / 2, log: silentLog });
  t.teardown(() => reserve.stop());
  t.ok(reserve.state().short);
  t.throws(() => reserve.requireRoom(), { code: 'disk-full', next: 'retry' });
});

t.test('P24 a disk that takes nothing is told until a write goes well again', async (t) => {
  const dir = join(t.testdir(), 'state');
  const { log, lines } = keepLog();
  const reserve = new DiskReserve({ dir, bytes: 0, log });
  t.teardown(() => reserve.stop());
  t.equal(reserve.state().failing, false);
  reserve.failed();
  reserve.failed();
  reserve.look();
  t.equal(reserve.state().failing, true, 'nothing can be written there');
  mkdirSync(dir);
  reserve.look();
  t.equal(reserve.state().failing, false);
  t.same(readdirSync(dir), [], 'what tried it is gone');
  t.match(lines, [{ msg: /takes nothing/ }, { msg: /takes writes again/ }]);
  t.equal(lines.length, 2);
});

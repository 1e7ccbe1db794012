/**
 * P16: a gateway is killed while a worker of it is stopped. When the worker wakes it has requests in hand, and grants that were taken back
 * meanwhile: the next gateway must not say that it applied anything, nor take over the spool, before that worker is gone.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { lockGateway, outliveFormerWorkers } from '../../gateway/workers/former-workers.ts';

const child = join(import.meta.dirname, '../gateway/workers/holder-child.ts');

t.test('P16 a stopped worker of a killed gateway is killed before the next one serves', async (t) => {
  const dir = t.testdir();
  const worker = fork(child, [dir, 'gateway/workers/worker.ts']);
  await once(worker, 'message');
  const ended = once(worker, 'exit');
  worker.kill('SIGSTOP');
  await outliveFormerWorkers(dir, silentLog);
  t.strictSame(await ended, [null, 'SIGKILL']);
});

t.test('P16 one that ends by itself is waited for, and what only looks like one is left alone', async (t) => {
  const dir = t.testdir();
  const other = fork(child, [dir]);
  await once(other, 'message');
  let served = false;
  const done = outliveFormerWorkers(dir, silentLog).then(() => {
    served = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.notOk(served, 'nobody serves beside it');
  t.equal(other.exitCode, null);
  other.kill('SIGTERM');
  await done;
});

t.test('P24 a second gateway in one directory would recover the spool of the first: it is refused', async (t) => {
  const dir = t.testdir();
  const lock = lockGateway(dir);
  t.throws(() => lockGateway(dir), { code: 'conflict' });
  await lock.stop();
  await lockGateway(dir).stop();
});

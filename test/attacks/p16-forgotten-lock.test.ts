import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { holdAsWorker } from '../../gateway/workers/former-workers.ts';
import { lockFile } from '../../shared/base/lock-file.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

t.test('P16 a worker is known to be there for as long as it is, however often memory is tidied up', async (t) => {
  const dir = t.testdir();
  const isFree = () => {
    const lock = lockFile(`${dir}/workers.lock`, 'exclusive');
    lock?.stop();
    return lock !== undefined;
  };
  holdAsWorker(dir);
  t.notOk(isFree(), 'another gateway sees it');
  for (let times = 0; times < 5; times += 1) {
    collect();
    await sleep(10);
  }
  t.notOk(isFree(), 'and still does: it may hold grants that are taken back meanwhile');
});

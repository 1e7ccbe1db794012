/** Appends records and settles the log as fast as it can, and tells each checkpoint on a line, until it is killed. Arguments: directory, key. */
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { databaseName } from '../../controller/init.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { silentLog } from '../../shared/base/log.ts';
import { parseMasterKey, Sealer } from '../../shared/crypto/seal.ts';

// Ends by itself when its parent is gone.
process.stdin.on('end', () => process.exit(0)).resume();
const [, , dir = '', key = ''] = process.argv;
const store = await openStore(join(dir, databaseName));
const sealer = new Sealer({ current: parseMasterKey(key) });
const clock = { now: () => Date.now() };
const keeper = await LogKeeper.open({
  db: store.db,
  sealer,
  clock,
  log: silentLog,
  dir,
  trustDomain: 'test.example',
  everyMs: 0,
});
for (let made = 0; ; made += 1) {
  await store.db.transaction().execute(async (trx) => {
    for (let at = 0; at < 40; at += 1) {
      await appendRecord(trx, Date.now(), {
        kind: 'controller',
        event: 'initialised',
        details: { made, pid: process.pid, at },
      });
    }
  });
  const { checkpoint } = await keeper.settle();
  process.stdout.write(`${JSON.stringify(checkpoint)}\n`);
  await nextTurn();
}

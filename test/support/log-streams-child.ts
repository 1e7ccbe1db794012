/** Streams of a log as one more controller on the same store would run them, until it is killed. Arguments: database, key, directory of files. Tells on each line which it holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogStreams } from '../../controller/log-streams/log-streams.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { silentLog } from '../../shared/base/log.ts';
import { parseMasterKey, Sealer } from '../../shared/crypto/seal.ts';

// Ends by itself when its parent is gone.
process.stdin.on('end', () => process.exit(0)).resume();
const [, , file = '', key = '', streams = ''] = process.argv;
const { db } = await openStore(file);
const sealer = new Sealer({ current: parseMasterKey(key) });
const clock = { now: () => Date.now() };
const running = new LogStreams({ db, sealer, clock, log: silentLog, file, streams });
for (;;) {
  await running.look();
  const names = (await db.selectFrom('log_streams').select('name').execute()).map(({ name }) => name);
  process.stdout.write(`${JSON.stringify(names.filter((name) => running.stateOf(name).held))}\n`);
  await sleep(200);
}

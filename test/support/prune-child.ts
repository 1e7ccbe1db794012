/**
 * Prunes a log by the ages that were set, a stretch at a time, and keeps it, until it is killed or nothing is left. Tells each stretch on a line.
 * Arguments: directory, key, the moment in milliseconds.
 */
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { databaseName } from '../../controller/init.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { Pruner } from '../../controller/log/retention/pruner.ts';
import { openPruning } from '../../controller/log/retention/prunings.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { day } from '../../shared/base/clock.ts';
import { silentLog } from '../../shared/base/log.ts';
import { parseMasterKey, Sealer } from '../../shared/crypto/seal.ts';
import { logTrustDomain } from './log-world.ts';

// Ends by itself when its parent is gone.
process.stdin.on('end', () => process.exit(0)).resume();
const [, , dir = '', key = '', at = ''] = process.argv;
const store = await openStore(join(dir, databaseName));
const clock = { now: () => Number(at) };
const sealer = new Sealer({ current: parseMasterKey(key) });
const parts = { db: store.db, sealer, clock, log: silentLog, dir, trustDomain: logTrustDomain, everyMs: 0 };
const keeper = await LogKeeper.open(parts);
const pruner = new Pruner({ store, clock, log: silentLog, floor: day, workMs: 0 });
for (let isFirst = true; ; isFirst = false) {
  const before = await openPruning(store.db);
  if (before === undefined && !isFirst) break;
  await pruner.look(clock.now());
  await keeper.settle();
  process.stdout.write(`${JSON.stringify({ after: before?.after ?? 0 })}\n`);
  await nextTurn();
}
await keeper.stop();
await store.stop();
process.stdout.write('"done"\n');
process.exit(0);

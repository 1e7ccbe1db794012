/** A thread that checks ranges of leaves, one after the other, and lets those that serve go first. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type Range, RangeChecker, type RangeOrder } from './check-range.ts';

try {
  // On Linux this is of this thread alone.
  if (process.platform === 'linux') setPriority(10);
} catch {
  // Then it shares the processor as everybody does.
}
const checker = new RangeChecker(workerData as RangeOrder);
parentPort?.on('message', (range: Range) => parentPort?.postMessage(checker.check(range)));

/** A thread that compares blocks of the index of search with their records, and lets those that serve go first. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { IndexChecker } from '../search/index-checker.ts';

try {
  // On Linux this is of this thread alone.
  if (process.platform === 'linux') setPriority(10);
} catch {
  // Then it shares the processor as everybody does.
}
const checker = new IndexChecker((workerData as { file: string }).file);
parentPort?.on('message', (block: number) => {
  const steps = checker.check(block);
  for (let step = steps.next(); ; step = steps.next())
    if (step.done === true) return parentPort?.postMessage(step.value ?? null);
});

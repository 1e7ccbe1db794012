/**
 * Workers outlive a primary that was killed by some moments, one that was stopped or is stuck by any time, and what they have
 * in hand rests on grants that may be taken back meanwhile. Nobody serves, nor takes a spool for a dead one's, before they are gone.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import { lockFile } from '#shared/base/lock-file.ts';
import type { Log } from '#shared/base/log.ts';

const lockOfWorkers = (dir: string) => join(dir, 'workers.lock');
/** They see the end of their primary at the next turn of their event loop. */
const patienceMs = second;
const lookMs = 20;

/** One gateway at a time in a state directory. Throws `conflict` while another process, or another part of this one, has it. */
export function lockGateway(dir: string): Stoppable {
  const lock = lockFile(join(dir, 'gateway.lock'), 'exclusive');
  if (lock === undefined) throw new PosternError('conflict', `another gateway is running in ${dir}`);
  return lock;
}

/** Called by a worker: it is there until it ends. */
export function holdAsWorker(dir: string): void {
  if (lockFile(lockOfWorkers(dir), 'shared') !== undefined) return;
  throw new PosternError('conflict', 'the gateway waits for former workers to end');
}

/** Called by a primary that has the directory, before anything else. Those that do not end by themselves are killed. */
export async function outliveFormerWorkers(dir: string, log: Log, signal?: AbortSignal): Promise<void> {
  const path = lockOfWorkers(dir);
  const began = performance.now();
  let killed = false;
  for (;;) {
    const lock = lockFile(path, 'exclusive');
    if (lock !== undefined) return void lock.stop();
    signal?.throwIfAborted();
    if (!killed && performance.now() - began > patienceMs) {
      killed = true;
      const pids = holders(path);
      if (pids.length === 0) log.error('workers of a former gateway still run here: end them, this one waits');
      for (const pid of pids) {
        log.error({ pid }, 'a worker of a former gateway has not ended and is killed');
        process.kill(pid, 'SIGKILL');
      }
    }
    await sleep(lookMs);
  }
}

/** Linux says who holds a lock (proc_locks(5)). By inode and program, since the device has other numbers in containers. */
function holders(path: string): number[] {
  try {
    const inode = String(statSync(path).ino);
    const lines = readFileSync('/proc/locks', 'latin1').trim().split('\n');
    const found = lines.map((line) => line.split(/\s+/)).filter((words) => words[5]?.split(':')[2] === inode);
    return [...new Set(found.map((words) => Number(words[4])))].filter((pid) => pid > 0 && isWorker(pid));
  } catch {
    return [];
  }
}

function isWorker(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('gateway/workers/worker.ts');
}

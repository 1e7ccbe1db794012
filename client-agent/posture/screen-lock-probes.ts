/** The two facts about the screen's lock, out of one reading, which each system has its own way to make. */
import { type OsName, postureFacts } from '#shared/contracts/posture.ts';
import type { Host } from './host.ts';
import type { LockReading } from './lock-reading.ts';
import { measured, type Probe, unknown, verdict } from './probe.ts';

type ReadLock = (host: Host) => Promise<LockReading>;

const neverLocks = 'the screen does not lock by itself';

export function screenLockProbe(os: OsName, readLock: ReadLock): Probe<'screenLock'> {
  return {
    fact: 'screenLock',
    os,
    privilege: 'none',
    async run(host) {
      const lock = await readLock(host);
      if (!lock.known) return unknown(lock.detail);
      const locks = lock.delay !== 'never';
      return verdict<'screenLock'>(locks, locks ? lock.by : neverLocks);
    },
  };
}

export function screenLockSecondsProbe(os: OsName, readLock: ReadLock): Probe<'screenLockSeconds'> {
  return {
    fact: 'screenLockSeconds',
    os,
    privilege: 'none',
    async run(host) {
      const lock = await readLock(host);
      if (!lock.known) return unknown(lock.detail);
      const worst = postureFacts.screenLockSeconds.worst;
      if (lock.delay === 'never') return { status: 'fail', value: worst, detail: neverLocks };
      return measured<'screenLockSeconds'>(Math.min(lock.delay, worst), lock.by);
    },
  };
}

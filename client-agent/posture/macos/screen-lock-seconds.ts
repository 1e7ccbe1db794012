import { postureFacts } from '#shared/contracts/posture.ts';
import { measured, type Probe, unknown } from '../probe.ts';
import { readScreenLock } from './read-screen-lock.ts';

export const screenLockSeconds: Probe<'screenLockSeconds'> = {
  fact: 'screenLockSeconds',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const lock = await readScreenLock(host);
    if (!lock.known) return unknown(lock.detail);
    const worst = postureFacts.screenLockSeconds.worst;
    if (lock.delay === 'never') return { status: 'fail', value: worst, detail: 'the screen does not lock by itself' };
    return measured<'screenLockSeconds'>(Math.min(lock.delay, worst), lock.by);
  },
};

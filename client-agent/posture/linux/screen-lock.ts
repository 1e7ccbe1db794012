import { type Probe, unknown, verdict } from '../probe.ts';
import { readScreenLock } from './read-screen-lock.ts';

export const screenLock: Probe<'screenLock'> = {
  fact: 'screenLock',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const lock = await readScreenLock(host);
    if (!lock.known) return unknown(lock.detail);
    const locks = lock.delay !== 'never';
    return verdict<'screenLock'>(locks, locks ? lock.by : 'the screen does not lock by itself');
  },
};

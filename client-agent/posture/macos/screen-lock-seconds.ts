import { screenLockSecondsProbe } from '../screen-lock-probes.ts';
import { readScreenLock } from './read-screen-lock.ts';

export const screenLockSeconds = screenLockSecondsProbe('macos', readScreenLock);

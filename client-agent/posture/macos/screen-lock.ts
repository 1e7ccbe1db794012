import { screenLockProbe } from '../screen-lock-probes.ts';
import { readScreenLock } from './read-screen-lock.ts';

export const screenLock = screenLockProbe('macos', readScreenLock);

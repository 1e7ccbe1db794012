/** What macOS says about locking its screen. */
import type { LockDelay } from '../lock-reading.ts';

/** `sysadminctl -screenLock status` (on standard error): seconds from the start of the screen saver to the lock. */
export function parseScreenLockStatus(output: string): LockDelay | undefined {
  const said = /screenLock (?:is (off)|delay is (immediate)|delay is (\d{1,6})(?:\.0+)? seconds?)\s*$/.exec(
    output.trim(),
  );
  if (!said) return undefined;
  if (said[1]) return 'never';
  return said[2] ? 0 : Number(said[3]);
}

/** `defaults -currentHost read com.apple.screensaver idleTime`: seconds; 0 is never. */
export function parseIdleTime(output: string): LockDelay | undefined {
  const seconds = /^\d{1,7}$/.exec(output.trim())?.[0];
  return seconds === undefined ? undefined : Number(seconds) || 'never';
}

/** `pmset -g`: minutes until the display sleeps, which locks as well; 0 is never. `displaysleep 10 (…prevented by…)`. */
export function parseDisplaySleep(output: string): LockDelay | undefined {
  const minutes = /^\s*displaysleep\s+(\d{1,5})(?:\s|$)/m.exec(output)?.[1];
  return minutes === undefined ? undefined : Number(minutes) * 60 || 'never';
}

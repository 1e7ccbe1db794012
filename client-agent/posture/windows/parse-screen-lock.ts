/** Registry values about locking; a policy beats the user's own setting. */
import type { LockDelay } from '../lock-reading.ts';
import { asCount, asFields } from './powershell.ts';

/**
 * `{machine: {InactivityTimeoutSecs}, policy: {ScreenSaveActive, ScreenSaverIsSecure, ScreenSaveTimeOut}, user: {...}}`,
 * each absent where not set.
 */
export function parseLockValues(value: unknown): LockDelay | undefined {
  const answer = asFields(value);
  const machine = asFields(answer?.['machine']);
  const policy = asFields(answer?.['policy']);
  const user = asFields(answer?.['user']);
  if (machine === undefined || policy === undefined || user === undefined) return undefined;
  const setting = (name: string) => asCount(policy[name] ?? user[name] ?? 0);
  const [limit, active, secure, timeout] = [
    asCount(machine['InactivityTimeoutSecs'] ?? 0),
    setting('ScreenSaveActive'),
    setting('ScreenSaverIsSecure'),
    setting('ScreenSaveTimeOut'),
  ];
  if (limit === undefined || active === undefined || secure === undefined || timeout === undefined) return undefined;
  const saver = active === 1 && secure === 1 && timeout > 0 ? [timeout] : [];
  const delays = limit > 0 ? [limit, ...saver] : saver;
  return delays.length === 0 ? 'never' : Math.min(...delays);
}

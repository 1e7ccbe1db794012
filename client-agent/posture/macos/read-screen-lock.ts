/** The setting belongs to the user who is signed in at the screen: the agent must run as that user. */
import { type Host, outputOf } from '../host.ts';
import type { LockReading } from '../lock-reading.ts';
import { parseDisplaySleep, parseIdleTime, parseScreenLockStatus } from './parse-screen-lock.ts';

export async function readScreenLock(host: Host): Promise<LockReading> {
  if (host.uid === 0) return { known: false, detail: 'the agent must run as the user at the screen' };
  const run = await host.exec('sysadminctl', ['-screenLock', 'status']);
  const lock = run.ran && run.code === 0 ? parseScreenLockStatus(run.stderr || run.stdout) : undefined;
  if (lock === undefined) return { known: false, detail: 'the answer of sysadminctl is not understood' };
  if (lock === 'never') return { known: true, delay: 'never', by: 'macOS' };
  const idleArgs = ['-currentHost', 'read', 'com.apple.screensaver', 'idleTime'];
  const idle = parseIdleTime((await outputOf(host, 'defaults', idleArgs)) ?? '');
  const sleep = parseDisplaySleep((await outputOf(host, 'pmset', ['-g'])) ?? '');
  if (idle === undefined && sleep === undefined) return { known: false, detail: 'the idle time cannot be read' };
  const starts = [idle, sleep].filter((start) => typeof start === 'number');
  // An absent idleTime means the system's own default, which is not told: it cannot turn "never" into "some time".
  return { known: true, delay: starts.length === 0 ? 'never' : Math.min(...starts) + lock, by: 'macOS' };
}

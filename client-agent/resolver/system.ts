/** The system whose resolver is changed, as apply-plan.ts sees it: this one, or a directory and a recorder in tests. */
import { execFile } from 'node:child_process';
import { second } from '#shared/base/clock.ts';
import type { Command } from './plan.ts';

export interface Ran {
  readonly code: number;
  /** The last line it said, for people. */
  readonly said: string;
}

export interface System {
  readonly platform: NodeJS.Platform;
  /** Paths of plans are below it: `/`. */
  readonly root: string;
  /** Never rejects; a program that is missing or takes too long has a code that is not 0. */
  run(command: Command): Promise<Ran>;
}

const limitMs = 15 * second;
/** Whoever calls `sudo postern` may bring a path of their own. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const thisSystem: System = {
  platform: process.platform,
  root: '/',
  run: ([file, ...words]) =>
    new Promise((resolve) => {
      const { platform, env } = process;
      const own = platform === 'win32' ? env : { PATH: path, LC_ALL: 'C', ...busOf(env) };
      execFile(file, words, { timeout: limitMs, env: own, encoding: 'utf8' }, (error, stdout, stderr) => {
        const said = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
        if (error === null) resolve({ code: 0, said });
        else resolve({ code: typeof error.code === 'number' ? error.code || 1 : 127, said: said || error.message });
      });
    }),
};

/** Where the system bus is when not in its usual place. */
const busOf = (env: NodeJS.ProcessEnv) =>
  env['DBUS_SYSTEM_BUS_ADDRESS'] === undefined ? {} : { DBUS_SYSTEM_BUS_ADDRESS: env['DBUS_SYSTEM_BUS_ADDRESS'] };

/** `posternctl` as a process, at the socket of a test's controller. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Test } from 'tap';
import { posternctl } from '../../../controller/ctl/commands.ts';
import { runCli } from '../../../shared/base/cli.ts';
import { root } from '../../support/source-tree.ts';
import type { RunController } from './run-controller.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export function ctlOf(t: Test, { addresses }: RunController) {
  const home = t.testdir();
  return (args: readonly string[], input = ''): Promise<Result> =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, POSTERN_SOCKET: addresses.adminSocket, XDG_CONFIG_HOME: home };
      const child = spawn(process.execPath, [join(root, 'controller/ctl/main.ts'), ...args], { env });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk) => {
        out += chunk;
      });
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, out, err }));
      child.stdin.end(input);
    });
}

/** The same commands in this process, as the owner at the shell: for long tables of them, each of which would start a program. */
export function shellOf({ addresses }: RunController) {
  return async (args: readonly string[]): Promise<Result> => {
    const out: string[] = [];
    const err: string[] = [];
    const io = { out: (text: string) => void out.push(`${text}\n`), err: (text: string) => void err.push(`${text}\n`) };
    const code = await runCli(posternctl, ['--socket', addresses.adminSocket, '--shell', ...args], io);
    return { code, out: out.join(''), err: err.join('') };
  };
}

/** `npm start` as a person runs it in a terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';
import { runTool } from './journey-tools.ts';
import { root } from './source-tree.ts';

export interface Started {
  readonly child: ChildProcess;
  readonly printed: string;
  /** As a terminal does it: to the whole group. Resolves when npm has ended. */
  ctrlC(): Promise<void>;
}

/** In a group of its own, until `standard output` shows `until`. */
export async function npmStart(t: Test, until: RegExp, ...args: string[]): Promise<Started> {
  const child = spawn('npm', ['--silent', 'start', '--', ...args], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const ctrlC = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGINT');
    await exit;
  };
  t.teardown(ctrlC);
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  let printed = '';
  const shown = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (until.test(printed)) resolve();
    });
  });
  await Promise.race([shown, exit.then(() => Promise.reject(new Error(`it ended:\n${said.join('')}`)))]);
  return { child, printed, ctrlC };
}

/** Runs a line as a person pastes it, in the root of the repository. */
export const paste = (command: string) => runTool('sh', ['-c', command]);

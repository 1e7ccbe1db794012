/** Real programs for the journeys: running one to its end, and a directory for its files. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { findProgram } from './programs.ts';
import { root } from './source-tree.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** The user and group to run as. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a program to its end, whatever its exit code; ended by force after 60 s. */
export function runTool(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env, input, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(findProgram(program) ?? program, args, {
      cwd: root,
      ...rest,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    // A program that ends before it has read all says why by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

/** A directory for the programs of one test, gone when it ends. */
export function privateDir(t: Test, name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `postern-${name}-`));
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

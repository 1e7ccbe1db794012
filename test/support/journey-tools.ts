/** Real programs for the journeys: whether they are here, and running one to its end. */
import { spawn } from 'node:child_process';
import { accessSync, constants, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';
import { root } from './source-tree.ts';

/** `/usr/sbin` is not on everybody's path; PostgreSQL's servers are on nobody's. */
const morePlaces = ['/usr/sbin', '/usr/local/sbin', ...globSync('/usr/lib/postgresql/*/bin')];

/** The path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const place of [...(process.env['PATH'] ?? '').split(delimiter), ...morePlaces]) {
    try {
      accessSync(join(place, name), constants.X_OK);
      return join(place, name);
    } catch {
      // Not here.
    }
  }
  return undefined;
}

export interface Needs {
  readonly skip: string | false;
  readonly timeout: number;
}

/** For `t.test(name, needs('curl'), ...)`: skips with the name of what is missing. */
export function needs(...programs: readonly string[]): Needs {
  const missing = programs.filter((name) => findProgram(name) === undefined);
  return { skip: missing.length > 0 && `not installed: ${missing.join(', ')}`, timeout: 110_000 };
}

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

/** The real processes of the triangle, each with its log in a file, started in order and stopped in the reverse order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const root = join(import.meta.dirname, '../..');
/** As the launchers in bin/: starts are faster, and processes smaller, by what Node compiled before. */
const compileCache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'postern');
const endWithParent = pathToFileURL(join(import.meta.dirname, 'end-with-parent.ts')).href;

export interface ProcessOrder {
  readonly name: string;
  /** From the root of the repository: `controller/main.ts`, then its arguments. */
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[];
}

export class Processes {
  readonly #running: { readonly name: string; readonly child: ChildProcess; readonly logFile: string }[] = [];
  readonly #onExit: (name: string, why: string) => void;
  #stopping = false;

  /** `onExit` is told of a process that ended by itself. */
  constructor(onExit: (name: string, why: string) => void) {
    this.#onExit = onExit;
  }

  start(order: ProcessOrder): ChildProcess {
    const child = launch(order);
    this.#running.push({ name: order.name, child, logFile: order.logFile });
    child.once('exit', (code, signal) => {
      if (!this.#stopping) this.#onExit(order.name, `${describe(code, signal)}; its log ends:\n${tail(order.logFile)}`);
    });
    return child;
  }

  pid(name: string): number | undefined {
    return this.#running.findLast((process) => process.name === name)?.child.pid;
  }

  /** Of those that run now. */
  pids(): number[] {
    const running = this.#running.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    return running.flatMap(({ child }) => child.pid ?? []);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child } of this.#running.toReversed()) await end(child);
  }
}

/** Runs one command to its end and returns what it printed; throws with its last words when it fails. */
export async function run(order: ProcessOrder): Promise<string> {
  const child = launch(order, 'pipe');
  const printed: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new Error(`${order.name} ${describe(code, signal)}:\n${tail(order.logFile)}`);
  return Buffer.concat(printed).toString();
}

function launch(
  { args, nodeArgs = [], env, input, logFile }: ProcessOrder,
  stdout: 'pipe' | 'ignore' = 'ignore',
): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, ['--import', endWithParent, ...nodeArgs, ...args], {
    cwd: root,
    env: { NODE_COMPILE_CACHE: compileCache, ...plainEnvironment(), ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', stdout, log, 'ipc'],
    // Ctrl-C reaches the whole terminal group; the quickstart itself stops its processes in order.
    detached: true,
  });
  closeSync(log);
  child.stdin?.end(input);
  return child;
}

/** Without `POSTERN_*`: what a developer has set for an installation of their own must not reach into this one. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSTERN_')));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 8000);
  await closed;
  clearTimeout(killer);
}

function describe(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}

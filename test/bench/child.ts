/** Processes of a benchmark: pinned to processors, asked by messages, ended with the benchmark. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../support/programs.ts';
import type { Program, Run } from './measure.ts';

/** What a child process answers, by name. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

type Asked<C extends Calls> = {
  readonly [N in keyof C]: (argument: Parameters<C[N]>[0]) => Promise<Awaited<ReturnType<C[N]>>>;
};

export interface Child<C extends Calls> {
  readonly pid: number;
  readonly ask: Asked<C>;
}

interface Question {
  readonly id: number;
  readonly call: string;
  readonly argument: unknown;
}
interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** In the child: answers what the parent asks, and ends when the parent is gone. */
export function answerCalls(calls: Calls): void {
  process.on('message', async ({ id, call, argument }: Question) => {
    const reply = (part: Omit<Reply, 'id'>) => process.send?.({ id, ...part });
    try {
      reply({ value: await calls[call]!(argument as never) });
    } catch (error) {
      reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
  // A terminal signals the whole group; the parent says when to stop.
  process.on('SIGINT', () => {});
}

/** In the parent: a file beside this one that calls `answerCalls`, on `cores`. */
export function startChild<C extends Calls>(run: Run, file: string, cores: string): Child<C> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const args = ['-c', cores, process.execPath, ...(process.env['BENCH_NODE_FLAGS']?.split(' ') ?? []), path];
  const child = spawn(findProgram('taskset')!, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  endWith(run, child, () => child.disconnect());
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let next = 1;
  child.on('message', ({ id, value, error }: Reply) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(`${file}: ${error}`));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
    waiting.clear();
  });
  const ask = new Proxy({} as Asked<C>, {
    get: (_, call: string) => (argument: unknown) => {
      const asked = Promise.withResolvers<unknown>();
      const id = next++;
      waiting.set(id, asked);
      child.send({ id, call, argument }, (error) => error && asked.reject(error));
      return asked.promise;
    },
  });
  return { pid: child.pid!, ask };
}

/** A server that stays in the foreground, on `cores`; returns its pid once it listens on `port`. */
export async function startProgram(
  run: Run,
  { program, args, cores, port }: { program: Program; args: readonly string[]; cores: string; port: number },
): Promise<number> {
  const child = spawn(findProgram('taskset')!, ['-c', cores, findProgram(program)!, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4000);
  });
  endWith(run, child, () => child.kill('SIGTERM'));
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${program} did not start: ${said}`);
    await sleep(20);
  }
  return child.pid!;
}

function endWith(run: Run, child: ChildProcess, end: () => void): void {
  const ended = once(child, 'exit');
  run.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    end();
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(timer);
  });
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

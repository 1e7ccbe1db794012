/** The whole triangle with real processes, started once for a test file: the quickstart on free ports in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import type { DoorMode } from '#shared/contracts/knock.ts';
import { type AdminClient, type AgentClient, adminClient, agentClient } from '../../deploy/quickstart/clients.ts';
import { type Ports, portNames } from '../../deploy/quickstart/ports.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import type { describeAsJson } from '../../deploy/quickstart/welcome.ts';
import { root } from './source-tree.ts';

export type Ready = ReturnType<typeof describeAsJson> & { readonly people: Readonly<Record<PersonId, PersonReady>> };

interface PersonReady {
  readonly password: string;
  readonly totpSecret: string;
  readonly portal: string;
  readonly link: string;
  readonly agentSocket: string;
  readonly profile: string;
  readonly factsFile: string;
}

export interface RunningTriangle {
  readonly ready: Ready;
  readonly ports: Ports;
  readonly admin: AdminClient;
  readonly agents: Readonly<Record<PersonId, AgentClient>>;
  readonly child: ChildProcess;
  /** The portal and reverse-proxy port of a person's agent. */
  portalPort(person: PersonId): number;
}

/** Environment variables reach every process of it (a faked clock, for one). Ends with the test. */
export async function startTriangle(
  t: Test,
  { env = {}, dir, door }: { env?: Record<string, string>; dir?: string; door?: DoorMode } = {},
): Promise<RunningTriangle> {
  const place = dir ?? mkdtempSync(join(tmpdir(), 'postern-test-'));
  const base = await freeRange(portNames.length);
  const args = ['deploy/quickstart/main.ts', '--json', '--dir', place, '--port-base', String(base)];
  if (door !== undefined) args.push('--door', door);
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  t.teardown(async () => {
    await stopTriangle(child);
    if (dir === undefined) rmSync(place, { recursive: true, force: true });
  });
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`the quickstart ended:\n${said.join('')}`))),
  ]);
  const ready = JSON.parse(String(line[0])) as Ready;
  const agent = (person: PersonId) => agentClient(ready.people[person].agentSocket);
  return {
    ready,
    ports: ready.ports,
    admin: adminClient(ready.adminSocket, 'test'),
    agents: { emil: agent('emil'), olivia: agent('olivia'), audrey: agent('audrey') },
    child,
    portalPort: (person) => Number(new URL(ready.people[person].portal).port),
  };
}

export async function stopTriangle(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** The first of `count` neighbouring ports that are free now; a random start keeps parallel tests apart. */
export async function freeRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no range of free ports was found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

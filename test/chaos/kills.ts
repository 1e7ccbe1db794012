/** `kill -9` at random moments, and a supervisor that starts again what was killed, as systemd does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { descendantsOf, isAlive } from '../support/process-tree.ts';
import type { ProcessName, SteeredTriangle } from '../support/steered-triangle.ts';
import type { Dice } from './dice.ts';

/** `both`: controller and gateway in the same moment. */
export type Victim = ProcessName | 'worker' | 'both';

export interface KillParts {
  readonly triangle: SteeredTriangle;
  readonly dice: Dice;
  readonly say: (line: string) => void;
}

const victims: readonly Victim[] = [
  'controller',
  'controller',
  'gateway',
  'gateway',
  'worker',
  'worker',
  'both',
  'both',
  'agent-emil',
  'agent-olivia',
  'agent-audrey',
];
/** Those that must not be on their way back when one is killed. */
const entangled: Readonly<Partial<Record<Victim, readonly Victim[]>>> = {
  controller: ['both'],
  gateway: ['both'],
  worker: ['gateway', 'both'],
  both: ['controller', 'gateway', 'worker'],
};
const restartMs = 100;
const patienceMs = 60_000;

/** Kills so many times; resolves when everything is back. Throws when something does not come back. */
export async function killAtMoments({ triangle, dice, say }: KillParts, moments: number): Promise<Map<Victim, number>> {
  const killed = new Map<Victim, number>();
  const returning = new Map<Victim, Promise<void>>();
  for (let moment = 1; moment <= moments; moment++) {
    const victim = dice.pick(victims);
    // What is on its way back is waited for: half of the others are killed while it is.
    await returning.get(victim);
    for (const other of entangled[victim] ?? []) await returning.get(other);
    await sleep(dice.below(400));
    killed.set(victim, (killed.get(victim) ?? 0) + 1);
    const began = performance.now();
    const back = kill(triangle, victim, dice).then(() => {
      say(`${moment}/${moments} ${victim}: back after ${Math.round(performance.now() - began)} ms`);
    });
    back.catch(() => {});
    returning.set(victim, back);
    if (dice.below(2) === 0) await back;
  }
  await Promise.all(returning.values());
  return killed;
}

async function kill(triangle: SteeredTriangle, victim: Victim, dice: Dice): Promise<void> {
  if (victim === 'worker') return killWorker(triangle, dice);
  if (victim === 'both') return killBoth(triangle);
  return killAndStart(triangle, victim);
}

async function killBoth(triangle: SteeredTriangle): Promise<void> {
  await Promise.all([triangle.end('gateway', 'SIGKILL'), triangle.end('controller', 'SIGKILL')]);
  await sleep(restartMs);
  await triangle.start('gateway');
  await triangle.start('controller').catch(() => untilItWorks(() => answers(triangle, 'controller'), patienceMs));
  await gatewayIsBack(triangle);
}

async function killAndStart(triangle: SteeredTriangle, name: ProcessName): Promise<void> {
  await triangle.end(name, 'SIGKILL');
  await sleep(restartMs);
  // A loaded machine takes its time: what is waited for is that it comes back, not how soon.
  await triangle.start(name).catch(() => untilItWorks(() => answers(triangle, name), patienceMs));
  if (name === 'gateway') await gatewayIsBack(triangle);
}

async function answers({ admin, agents }: SteeredTriangle, name: ProcessName): Promise<void> {
  if (name === 'controller') await admin.status({});
  else await agents[name.slice('agent-'.length) as keyof typeof agents].status({});
}

export async function gatewayIsBack(triangle: SteeredTriangle): Promise<void> {
  await untilItWorks(async () => {
    const [gateway] = (await triangle.admin.gateways({})).items;
    if (gateway?.connection !== 'fresh') throw new Error(`the gateway is ${gateway?.connection}`);
    if (workersOf(triangle).length < 2) throw new Error('a worker is missing');
  }, patienceMs);
}

export function workersOf({ processes }: SteeredTriangle): number[] {
  const pid = processes.pid('gateway');
  return pid === undefined ? [] : descendantsOf(pid).filter(isAlive);
}

async function killWorker(triangle: SteeredTriangle, dice: Dice): Promise<void> {
  const workers = await untilItWorks(async () => {
    const found = workersOf(triangle);
    if (found.length === 0) throw new Error('the gateway has no workers');
    return found;
  }, patienceMs);
  const pid = dice.pick(workers);
  process.kill(pid, 'SIGKILL');
  await untilItWorks(async () => {
    const now = workersOf(triangle);
    if (now.includes(pid) || now.length < 2) throw new Error('the worker was not replaced');
  }, patienceMs);
}

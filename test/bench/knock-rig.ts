/** What the benchmarks of knocks share: a client outside, a flood of bad datagrams, and how times are told. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { host, makeDoorWorld } from '../support/kernel-door-world.ts';
import type { KnockOrder } from './knock-client-child.ts';
import type { FloodOrder } from './knock-flood-child.ts';
import { percentile, type Run } from './measure.ts';

export type World = Awaited<ReturnType<typeof makeDoorWorld>>;

export const floodPerSecond = 50_000;

export interface Flood {
  readonly sources: number;
  readonly datagrams: readonly Buffer[];
  readonly udp: number;
}

export const makeWorld = (run: Run): Promise<World> => makeDoorWorld(asTest(run));

export async function startClient(world: World): Promise<ChildProcess> {
  const client = world.start('outside', [process.execPath, join(import.meta.dirname, 'knock-client-child.ts')]);
  await once(client, 'message');
  return client;
}

/** Milliseconds; infinity for what did not open in 5 s. */
export async function timeKnock(client: ChildProcess, order: Omit<KnockOrder, 'host'>): Promise<number> {
  client.send({ ...order, host: host.ipv4 } satisfies KnockOrder);
  const [{ tookMs }] = (await once(client, 'message')) as [{ tookMs: number | null }];
  return tookMs ?? Number.POSITIVE_INFINITY;
}

/** Resolves once datagrams pour in. */
export async function startFlood(world: World, { sources, datagrams, udp }: Flood) {
  const order: FloodOrder = {
    host: host.ipv4,
    udp,
    perSecond: floodPerSecond,
    sources: Array.from({ length: sources }, (_, at) => `10.78.${at >> 8}.${at & 255}`),
    datagrams: datagrams.map((each) => each.toString('base64')),
  };
  const script = join(import.meta.dirname, 'knock-flood-child.ts');
  const child = world.start('outside', [process.execPath, script, JSON.stringify(order)]);
  await once(child, 'message');
  let last = { sent: 0, seconds: 1 };
  child.on('message', (message) => {
    last = message as typeof last;
  });
  return {
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      return last;
    },
  };
}

export function told(took: readonly number[]): string {
  const lost = took.filter((one) => one === Number.POSITIVE_INFINITY).length;
  const [p50, p99] = [percentile(took, 0.5), percentile(took, 0.99)].map((one) => one.toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms${lost === 0 ? '' : `, ${lost} of ${took.length} not within 5 s`}`;
}

/** What a rig made for a test wants of one. */
function asTest({ defer, dir }: Pick<Run, 'defer' | 'dir'>) {
  return { teardown: (end: () => unknown) => defer(end), testdir: () => mkdtempSync(join(dir, 'door-')) } as never;
}

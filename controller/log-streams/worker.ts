/**
 * The thread of all streams: it reads the log by a connection of its own, and dials the targets. Whatever a target does, it does to this
 * thread, not to the one that decides.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '#shared/base/clock.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { type PageOrder, pageRecords } from '../log/page-records.ts';
import type { Unreadable } from '../log/read-row.ts';
import { openReader } from '../store/open-store.ts';
import { openSender } from './open-sender.ts';
import { StreamRun } from './run-stream.ts';
import type { Aside, StreamKeeper, StreamOrder, StreamState } from './stream-order.ts';
import { Trouble } from './target.ts';

export interface StreamsWorkerData {
  readonly file: string;
  readonly streams: string;
}

export type StreamsOrder =
  /** All that are to run; others end. */
  | { readonly t: 'run'; readonly orders: readonly StreamOrder[] }
  | { readonly t: 'try'; readonly id: number; readonly order: StreamOrder; readonly record: AccessRecord }
  /** All end after what is on its way. */
  | { readonly t: 'end' }
  | { readonly t: 'kept'; readonly id: number; readonly failed: boolean };

export type StreamsWord =
  | {
      readonly t: 'ack';
      readonly id: number;
      readonly name: string;
      readonly born: number;
      readonly position: number;
      readonly records: number;
    }
  | { readonly t: 'aside'; readonly id: number; readonly name: string; readonly born: number; readonly aside: Aside }
  /** Met on the way: to be kept before anything that stands in for them is sent. */
  | { readonly t: 'unreadable'; readonly id: number; readonly found: readonly Unreadable[] }
  | { readonly t: 'state'; readonly state: StreamState }
  | { readonly t: 'ended'; readonly name: string; readonly why: string }
  | { readonly t: 'tried'; readonly id: number; readonly why?: string }
  | { readonly t: 'done' };

const { file, streams } = workerData as StreamsWorkerData;
const { db } = openReader(file);
const say = (word: StreamsWord) => parentPort?.postMessage(word);

const running = new Map<string, { readonly run: StreamRun; readonly same: string; readonly done: Promise<void> }>();
const waiting = new Map<number, PromiseWithResolvers<void>>();
let nextId = 1;

function keep(word: (id: number) => StreamsWord): Promise<void> {
  const id = nextId++;
  const answer = Promise.withResolvers<void>();
  waiting.set(id, answer);
  say(word(id));
  return answer.promise;
}

const keeperOf = ({ born }: StreamOrder): StreamKeeper => ({
  ack: (name, done) => keep((id) => ({ t: 'ack', id, name, born, ...done })),
  putAside: (name, aside) => keep((id) => ({ t: 'aside', id, name, born, aside })),
});

/** One whose settings are as they were goes on where it is; its position is its own. */
function runAll(orders: readonly StreamOrder[]): void {
  const wanted = new Map(orders.map((order) => [order.name, order]));
  for (const [name, { run, same }] of running) {
    const order = wanted.get(name);
    if (order !== undefined && sameness(order) === same) {
      run.until = order.until;
      continue;
    }
    run.stop();
    running.delete(name);
  }
  for (const order of orders) if (!running.has(order.name)) begin(order);
}

const sameness = ({ position: _, until: _until, ...rest }: StreamOrder): string => JSON.stringify(rest);

/** Told already, as far as this thread knows. */
const told = new Set<number>();

async function readPage(place: PageOrder): ReturnType<typeof pageRecords> {
  const page = await pageRecords(db, place);
  const found = page.unreadable.filter(({ position }) => !told.has(position));
  if (found.length === 0) return page;
  await keep((id) => ({ t: 'unreadable', id, found }));
  for (const { position } of found) told.add(position);
  return page;
}

function begin(order: StreamOrder): void {
  const { name } = order;
  const run = new StreamRun(order, {
    read: readPage,
    keeper: keeperOf(order),
    sender: openSender(order, streams),
    tell: (state) => say({ t: 'state', state }),
    clock: systemClock,
  });
  const done = run.run().catch((error: unknown) => {
    if (running.get(name)?.run === run) running.delete(name);
    say({ t: 'ended', name, why: error instanceof Error ? error.message : String(error) });
  });
  running.set(name, { run, same: sameness(order), done });
}

async function endAll(): Promise<void> {
  const all = [...running.values()];
  for (const { run } of all) run.end();
  await Promise.all(all.map(({ done }) => done));
  say({ t: 'done' });
}

/** Of a file it is tried whether one can be written there: in that of the stream two would write at once. */
async function tryOnce(order: StreamOrder, record: AccessRecord): Promise<string | undefined> {
  const aside = join(streams, '.try');
  const sender = openSender(order, order.kind === 'file' ? aside : streams);
  const { signal } = new AbortController();
  try {
    const { refused, rest } = await sender.send([record], signal);
    await sender.confirm?.(signal);
    return rest?.message ?? refused?.[0]?.why;
  } catch (error) {
    if (error instanceof Trouble) return error.message;
    throw error;
  } finally {
    sender.close();
    rmSync(aside, { recursive: true, force: true });
  }
}

parentPort?.on('message', (order: StreamsOrder) => {
  if (order.t === 'run') runAll(order.orders);
  else if (order.t === 'end') void endAll();
  else if (order.t === 'kept') {
    const answer = waiting.get(order.id);
    waiting.delete(order.id);
    if (order.failed) answer?.reject(new Error('the controller could not keep how far it has come'));
    else answer?.resolve();
  } else {
    const { id } = order;
    tryOnce(order.order, order.record).then(
      (why) => say(why === undefined ? { t: 'tried', id } : { t: 'tried', id, why }),
      (error: unknown) => say({ t: 'tried', id, why: String(error) }),
    );
  }
});

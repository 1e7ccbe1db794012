/**
 * The streams of this controller: takes their leases, gives them to the thread that runs them, and keeps how far they have come. Without
 * a stream there is no thread. One that ended, whatever of, is begun again.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { sha256 } from '#shared/base/bytes.ts';
import { type Clock, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Unreadable } from '../log/read-row.ts';
import { tellUnreadable } from '../log/tell-unreadable.ts';
import type { Db } from '../store/open-store.ts';
import type { StreamOrder, StreamState } from './stream-order.ts';
import { ackStream, dropLeases, putAside, takeLeases, tryOrder } from './stream-rows.ts';
import type { StreamsOrder, StreamsWord, StreamsWorkerData } from './worker.ts';

export interface LogStreamsParts {
  readonly db: Db;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  /** The database, which the thread reads by itself. */
  readonly file: string;
  /** The directory under which targets of the kind `file` write. */
  readonly streams: string;
}

export const leaseMs = 30 * second;
/** Far above what batches and answers take: what a target makes of it ends this thread, and not the controller. */
const maxHeapMb = 256;
const tryMs = 120 * second;
const endMs = 3 * second;

export class LogStreams {
  readonly #parts: LogStreamsParts;
  /** The same after a restart: nobody waits for the lease of a controller that is back. */
  readonly #me: string;
  readonly #states = new Map<string, StreamState>();
  readonly #trials = new Map<number, (why: string | undefined) => void>();
  /** Streams that cannot be opened. */
  readonly #shut = new Set<string>();
  #held = new Set<string>();
  #worker: Worker | undefined;
  #stopped = false;
  #nextTrial = 1;
  /** One after the other, so that the thread never gets an older word after a newer one. */
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: LogStreamsParts) {
    this.#parts = parts;
    this.#me = sha256(`${hostname()}\0${parts.file}`).toString('hex').slice(0, 16);
  }

  /** At the start, after each change, and every few seconds, for the leases. */
  look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) => {
        this.#parts.log.error({ err: error }, 'the streams of the log could not be looked after');
      });
    return this.#looking;
  }

  /** Undefined while all is well. `held`: false when another controller runs it. */
  stateOf(name: string): { readonly held: boolean; readonly trouble: StreamState['trouble'] } {
    return { held: this.#held.has(name), trouble: this.#states.get(name)?.trouble };
  }

  /** Sends one record now. Returns why it did not arrive. */
  try(order: StreamOrder, record: AccessRecord): Promise<string | undefined> {
    const id = this.#nextTrial++;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const late = setTimeout(() => this.#trials.get(id)?.(`nothing came of it in ${tryMs / second} s`), tryMs).unref();
    this.#trials.set(id, (why) => {
      clearTimeout(late);
      this.#trials.delete(id);
      resolve(why);
    });
    this.#say({ t: 'try', id, order, record });
    return promise;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
    if (this.#worker !== undefined) await this.#end(this.#worker);
    await dropLeases(this.#parts.db, this.#me);
  }

  /** What is on its way has so long to be answered: what is not known to have arrived goes once more at the next start. */
  async #end(worker: Worker): Promise<void> {
    const done = new Promise<void>((resolve) => {
      worker.on('message', (word: StreamsWord) => void (word.t === 'done' && resolve()));
      worker.once('exit', () => resolve());
    });
    worker.postMessage({ t: 'end' } satisfies StreamsOrder);
    const late = new AbortController();
    await Promise.race([done, sleep(endMs, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    await worker.terminate();
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    const { db, sealer, clock } = this.#parts;
    const rows = await takeLeases(db, clock.now(), { me: this.#me, ms: leaseMs });
    this.#held = new Set(rows.map(({ name }) => name));
    for (const name of this.#states.keys()) if (!this.#held.has(name)) this.#states.delete(name);
    if (rows.length === 0 && this.#worker === undefined) return;
    const orders: StreamOrder[] = [];
    for (const row of rows) {
      const order = tryOrder(sealer, row);
      if (order instanceof Error) this.#tellShut(row.name, order);
      else {
        if (this.#shut.delete(row.name)) this.#states.delete(row.name);
        orders.push(order);
      }
    }
    this.#say({ t: 'run', orders });
  }

  /** It is in trouble until it can be opened; the others run. */
  #tellShut(name: string, { message: why }: Error): void {
    const now = this.#parts.clock.now();
    const { since = now, tries = 0 } = this.#states.get(name)?.trouble ?? {};
    if (!this.#shut.has(name)) this.#parts.log.error({ stream: name, why }, 'a stream of the log cannot be opened');
    this.#shut.add(name);
    this.#states.set(name, { name, trouble: { why, since, tries: tries + 1, nextAt: now } });
  }

  #say(order: StreamsOrder): void {
    if (this.#stopped) throw new PosternError('unavailable', 'the controller is stopping');
    this.#worker ??= this.#wake();
    this.#worker.postMessage(order);
  }

  #wake(): Worker {
    const { file, streams, log } = this.#parts;
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'log streams',
      workerData: { file, streams } satisfies StreamsWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    });
    worker.unref();
    worker.on('message', (word: StreamsWord) => void this.#hear(worker, word));
    worker.on('error', (error) => log.error({ err: error }, 'the thread of the log streams has failed'));
    worker.once('exit', () => {
      // The next look begins another.
      if (this.#worker === worker) this.#worker = undefined;
      for (const done of [...this.#trials.values()]) done('the thread of the log streams ended');
    });
    return worker;
  }

  async #hear(worker: Worker, word: StreamsWord): Promise<void> {
    if (word.t === 'state') this.#states.set(word.state.name, word.state);
    else if (word.t === 'tried') this.#trials.get(word.id)?.(word.why);
    else if (word.t === 'done') return;
    else if (word.t === 'ended')
      this.#parts.log.error({ stream: word.name, why: word.why }, 'a stream of the log ended');
    else worker.postMessage({ t: 'kept', id: word.id, failed: !(await this.#keep(word)) } satisfies StreamsOrder);
  }

  async #keep(word: Extract<StreamsWord, { t: 'ack' | 'aside' | 'unreadable' }>): Promise<boolean> {
    const { db, clock, log } = this.#parts;
    const me = this.#me;
    try {
      if (word.t === 'unreadable') return await this.#keepUnreadable(word.found);
      if (word.t === 'ack') return await ackStream(db, clock.now(), { me, ...word });
      const { name, born, aside } = word;
      log.warn({ stream: name, records: aside.ids, why: aside.why }, 'a target of the log refuses a record for good');
      return await putAside(db, clock.now(), { me, name, born, aside });
    } catch (error) {
      const stream = 'name' in word ? { stream: word.name } : {};
      log.error({ err: error, ...stream }, 'how far a stream of the log has come could not be kept');
      return false;
    }
  }

  async #keepUnreadable(found: readonly Unreadable[]): Promise<true> {
    const { db, clock, log } = this.#parts;
    log.error({ records: found.length, first: found[0] }, 'records of the log cannot be read: posternctl log verify');
    await tellUnreadable(db, clock.now(), found);
    return true;
  }
}

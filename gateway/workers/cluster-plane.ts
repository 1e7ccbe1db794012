/**
 * The data paths in worker processes, one port among them. A worker that does not confirm a change in time is killed: with it
 * everything it carries ends, which is what the change wanted (P16).
 */
import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import type { LetInChange, LetIns } from '#shared/wire/doors/let-ins.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import { mergeRenewals, type Renewal } from '../grants/renew-streams.ts';
import { addCounts, type Counts } from '../metrics/counters.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';
import type { StreamMessage } from '../state/stream-types.ts';
import type { DataPlane, Place } from './data-plane.ts';
import { WorkerHandle } from './worker-handle.ts';
import type { Own, RenewOrder, WorkerStart } from './worker-messages.ts';

export interface ClusterPlaneOptions {
  readonly count: number;
  readonly confirmMs: number;
  readonly log: Log;
  /** What a worker that starts now must know. */
  readonly startOrder: () => Omit<WorkerStart, 'listen'>;
  readonly listen: Place;
  readonly onUnknownKey: () => void;
  /** A connection came in by a knock at the kernel door. */
  readonly onCameIn: () => void;
  /** Who was let in, as workers that start are told. */
  readonly letIns: LetIns;
  /** Keeps the counters of knocks for all workers. */
  readonly knocks: () => ReplayMemory | undefined;
  /** A worker has ended and left its spool. */
  readonly onSpoolLeft: (spool: string) => void;
}

const stopMs = 8 * second;
const restartMs = second / 2;
/** So often may a worker be killed while the gateway starts: where each is, something is wrong that a supervisor should hear of. */
const mostKilledAtStart = 10;

export class ClusterPlane implements DataPlane {
  readonly #options: ClusterPlaneOptions;
  readonly #workers = new Set<WorkerHandle>();
  #place: Place | undefined;
  #isStarting = true;
  #stopped = false;

  constructor(options: ClusterPlaneOptions) {
    this.#options = options;
    cluster.setupPrimary({ exec: fileURLToPath(new URL('worker.ts', import.meta.url)), args: [], execArgv: [] });
  }

  /** `startOrder` holds the same snapshot already. */
  async start(): Promise<Place> {
    const places = await Promise.all(Array.from({ length: this.#options.count }, () => this.#firstThatServes()));
    this.#isStarting = false;
    return places[0]!;
  }

  /** One that is killed before it serves has another after it. Rejects when one fails by itself: the next would too. */
  async #firstThatServes(): Promise<Place> {
    for (let killed = 0; ; ) {
      const worker = this.#fork();
      try {
        const place = await worker.ready;
        this.#place ??= place;
        return place;
      } catch (error) {
        killed += 1;
        if (!worker.wasKilled || killed > mostKilledAtStart) throw error;
        this.#options.log.error({ pid: worker.pid }, 'a worker was killed before it served and is replaced');
        await sleep(restartMs);
        if (this.#stopped) throw error;
      }
    }
  }

  async apply(message: StreamMessage, times: ControllerTimes): Promise<number> {
    const { confirmMs, log } = this.#options;
    const closed = await Promise.all(
      [...this.#workers].map(async (worker) => {
        if (!worker.isReady) {
          // It loads its modules, and takes this message in before it listens.
          void worker.ask((id) => ({ t: 'apply', id, message, times }), stopMs);
          return 0;
        }
        const answer = await worker.ask((id) => ({ t: 'apply', id, message, times }), confirmMs);
        if (typeof answer === 'number') return answer;
        const n = message.t === 'cut' ? message.id : message.n;
        log.error({ pid: worker.pid, n }, 'a worker did not confirm a change in time and is killed');
        worker.kill();
        await worker.ended;
        return 0;
      }),
    );
    return closed.reduce((sum, count) => sum + count, 0);
  }

  setCertificate(own: Own): void {
    for (const worker of this.#workers) worker.send({ t: 'own', own });
  }

  /** Before the kernel hears of it: the connection that it lets in comes to a worker by the same channel, behind this. */
  tellLetIn(change: LetInChange): void {
    this.#options.letIns.apply(change);
    for (const worker of this.#workers) worker.send({ t: 'let-in', change });
  }

  recordKnock(sample: RefusalSample): void {
    [...this.#workers].find(({ isReady }) => isReady)?.send({ t: 'knock', sample });
  }

  async counts(): Promise<Counts> {
    const { confirmMs } = this.#options;
    const parts = await Promise.all(
      [...this.#workers].map((worker) => worker.ask((id) => ({ t: 'counts', id }), confirmMs)),
    );
    return { ...addCounts(parts.filter((part) => part !== undefined) as Counts[]), 'workers|': this.#workers.size };
  }

  /** Process ids, for operators and tests. */
  pids(): number[] {
    return [...this.#workers].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#workers].map((worker) => worker.stop(stopMs)));
  }

  #fork(): WorkerHandle {
    const { startOrder, log, onUnknownKey, onSpoolLeft, onCameIn } = this.#options;
    // A replacement must take the port that the first ones were given.
    const listen = this.#place ?? this.#options.listen;
    const worker = new WorkerHandle(
      cluster.fork(),
      { ...startOrder(), listen },
      {
        onRenewAll: (from, id, order) => void this.#renewAll(from, id, order),
        onUnknownKey,
        onCameIn,
        onCounter: (from, id, key, counter) => void this.#count(from, id, key, counter),
        onExit: (ended, wanted) => {
          this.#workers.delete(ended);
          onSpoolLeft(ended.spool);
          // One that never served is waited for by whoever starts this.
          if (wanted || this.#stopped || (this.#isStarting && !ended.isReady)) return;
          log.error({ pid: ended.pid }, 'a worker has ended and is replaced');
          setTimeout(() => {
            if (!this.#stopped) this.#fork();
          }, restartMs);
        },
      },
    );
    this.#workers.add(worker);
    return worker;
  }

  async #count(from: WorkerHandle, id: number, key: string, counter: number): Promise<void> {
    const { knocks, log } = this.#options;
    const good = await knocks()
      ?.accept(key, counter)
      .catch((error: unknown) => {
        log.error({ err: error }, 'a counter of a knock could not be kept');
        return undefined;
      });
    from.send({ t: 'counted', id, good });
  }

  async #renewAll(from: WorkerHandle, id: number, order: RenewOrder): Promise<void> {
    const answers = await Promise.all(
      [...this.#workers].map((worker) =>
        worker.ask((question) => ({ t: 'renew-here', id: question, order }), this.#options.confirmMs),
      ),
    );
    const renewal = mergeRenewals(answers.filter((answer) => answer !== undefined) as Renewal[]);
    from.send({ t: 'renewed', id, renewal });
  }
}

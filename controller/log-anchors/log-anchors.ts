/**
 * Brings the newest checkpoint to each place outside (P35), at that place's own pace and when the controller stops. What fails is tried again;
 * that it goes on failing is on record. Witnesses are asked in one round, so that one note has the lines of all of them.
 */
import { type Clock, second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { parseCheckpointText } from '#shared/log/checkpoint.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { readLogKeys } from '../authority/log-keys.ts';
import type { KnownCheckpoints } from '../log/known/known-checkpoints.ts';
import type { LogKeeper } from '../log/log-keeper.ts';
import { backoff } from '../log-streams/retry.ts';
import type { LogAnchorRow } from '../store/log-anchor-tables.ts';
import type { Db } from '../store/open-store.ts';
import type { Anchor, AnchorOrder, Published } from './anchor.ts';
import { knownByAnchor, orderOf, readAnchors } from './anchor-rows.ts';
import { keepCosigned } from './cosigned.ts';
import { anchorFile, lastInFile } from './file-anchor.ts';
import { keepArrived, keepFailed } from './keep-outcome.ts';
import { openAnchor } from './open-anchor.ts';
import { settledBefore } from './settled-before.ts';
import { WitnessAhead, WitnessRefuses } from './witness-anchor.ts';

export interface LogAnchorsParts {
  readonly db: Db;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  /** The state directory. */
  readonly dir: string;
  readonly keeper: Pick<LogKeeper, 'state' | 'tiles'>;
  readonly known: Pick<KnownCheckpoints, 'take'>;
  readonly everyMs?: number;
  /** How long whoever asks for a proof waits for witnesses. */
  readonly cosignMs?: number;
}

interface Run {
  readonly anchor: Anchor;
  order: AnchorOrder;
  /** By the clock. */
  nextAt: number;
  tries: number;
  trouble: string | undefined;
  busy: Promise<unknown> | undefined;
}

const lookMs = second;
const putMs = 60 * second;
/** When the controller stops it waits no longer. */
const lastMs = 4 * second;
const cosignMs = 10 * second;

export class LogAnchors {
  readonly #parts: LogAnchorsParts;
  readonly #runs = new Map<string, Run>();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #ended = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  private constructor(parts: LogAnchorsParts) {
    this.#parts = parts;
    const { everyMs = lookMs } = parts;
    if (everyMs > 0) this.#timer = setInterval(() => void this.look(), everyMs).unref();
  }

  /** What stands in files is read first: the log may have lost it. */
  static async open(parts: LogAnchorsParts): Promise<LogAnchors> {
    const anchors = new LogAnchors(parts);
    await anchors.tellKnown();
    return anchors;
  }

  troubleOf(name: string): string | undefined {
    return this.#runs.get(name)?.trouble;
  }

  /** At each change, and each second: whatever is due begins. Resolves when it has begun. */
  look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) => {
        this.#parts.log.error({ err: error }, 'the places outside of the log could not be looked after');
      });
    return this.#looking;
  }

  /** The newest checkpoint goes there now. Returns why it did not arrive, and of how many leaves it is. */
  async try(row: LogAnchorRow): Promise<{ readonly size: number; readonly why?: string }> {
    const published = await this.#newest();
    if (published === undefined) return { size: 0, why: 'the log has no checkpoint, or signs nothing' };
    await this.look();
    const run = this.#runs.get(row.name) ?? this.#open(row);
    await run.busy;
    const error = await this.#put(run, published, AbortSignal.timeout(putMs));
    return { size: published.size, ...(error === undefined ? {} : { why: error.message }) };
  }

  /**
   * What each witness makes of the newest checkpoint that is signed already, also of a log that waits: an error when it does not find that this one
   * is where it left the log, or before.
   */
  async askWitnesses(): Promise<{ readonly name: string; readonly error: Error | undefined }[]> {
    await this.look();
    const { checkpoint } = await this.#parts.keeper.state();
    if (checkpoint === null) return [];
    const published = publishedOf(checkpoint, this.#parts.clock.now());
    const witnesses = [...this.#runs.values()].filter(({ order }) => order.kind === 'witness');
    const signal = this.#cosignLimit();
    return Promise.all(
      witnesses.map(async (run) => ({ name: run.order.name, error: await this.#put(run, published, signal) })),
    );
  }

  /** The checkpoint with what witnesses added to it within a few seconds; as it is without any. */
  async witnessed(checkpoint: string): Promise<string> {
    await this.look();
    const published = publishedOf(checkpoint, this.#parts.clock.now());
    return `${checkpoint}${await this.#cosign(published, this.#cosignLimit())}`;
  }

  /** What stands in files of the log, and may be past what the database holds. */
  async tellKnown(): Promise<void> {
    const { db, dir, known, log } = this.#parts;
    for (const { name, kind } of await readAnchors(db)) {
      if (kind !== 'file') continue;
      try {
        const last = await lastInFile(anchorFile(dir, name));
        if (last !== undefined) await known.take(knownByAnchor(name), last);
      } catch (error) {
        log.error({ err: error, anchor: name }, 'the file of a place outside of the log could not be read');
      }
    }
  }

  /** After the log's own last signature. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    const signal = AbortSignal.timeout(lastMs);
    const published = await this.#newest();
    if (published !== undefined) {
      const late = [...this.#runs.values()].filter((run) => !stands(run.order, published));
      const apart = late
        .filter(({ order }) => order.kind !== 'witness')
        .map((run) => this.#put(run, published, signal));
      const together = late.some(({ order }) => order.kind === 'witness') ? [this.#cosign(published, signal)] : [];
      await Promise.race([
        Promise.all([...apart, ...together]),
        new Promise((resolve) => setTimeout(resolve, lastMs).unref()),
      ]);
    }
    this.#ended.abort();
    for (const { anchor } of this.#runs.values()) anchor.close();
  }

  async #look(): Promise<void> {
    const { db, clock } = this.#parts;
    if (this.#ended.signal.aborted) return;
    const rows = await readAnchors(db);
    const wanted = new Map(rows.map((row) => [row.name, row]));
    for (const [name, { order, anchor }] of this.#runs) {
      if (wanted.get(name)?.created_at === order.born) continue;
      anchor.close();
      this.#runs.delete(name);
    }
    for (const row of rows) if (!this.#runs.has(row.name)) this.#runs.set(row.name, this.#open(row));
    const due = [...this.#runs.values()].filter(({ nextAt, busy }) => busy === undefined && nextAt <= clock.now());
    if (due.length === 0) return;
    const published = await this.#newest();
    if (published === undefined) return;
    const late = due.filter(({ order }) => !stands(order, published));
    for (const run of late) if (run.order.kind !== 'witness') void this.#put(run, published, this.#limit(putMs));
    if (late.some(({ order }) => order.kind === 'witness')) void this.#cosign(published, this.#limit(putMs), late);
  }

  #cosignLimit(): AbortSignal {
    return AbortSignal.timeout(this.#parts.cosignMs ?? cosignMs);
  }

  #limit(ms: number): AbortSignal {
    return AbortSignal.any([this.#ended.signal, AbortSignal.timeout(ms)]);
  }

  #open(row: LogAnchorRow): Run {
    const { db, sealer, dir, keeper } = this.#parts;
    const run: { order: AnchorOrder } = { order: orderOf(sealer, row) };
    const anchor = openAnchor(run.order, {
      dir,
      signed: () => run.order,
      logKeys: async () => (await readLogKeys(db)).map(({ key }) => key),
      prove: (from, to) =>
        proveConsistency(
          from,
          to,
          nodesFromTiles((tile) => keeper.tiles.read(tile), to),
        ),
    });
    return Object.assign(run, { anchor, nextAt: 0, tries: 0, trouble: undefined, busy: undefined });
  }

  /** Undefined while nothing is signed. */
  async #newest(): Promise<Published | undefined> {
    const { keeper, clock } = this.#parts;
    const { checkpoint, held } = await keeper.state();
    return checkpoint === null || held !== null ? undefined : publishedOf(checkpoint, clock.now());
  }

  /** Never rejects. Asks all witnesses, or those of `runs`, at once; keeps the note with the lines that came, and returns those. */
  async #cosign(published: Published, signal: AbortSignal, runs: Iterable<Run> = this.#runs.values()): Promise<string> {
    const lines: string[] = [];
    const asked = [...runs].filter(({ order }) => order.kind === 'witness');
    await Promise.all(
      asked.map(async (run) => {
        // One that does not answer what it was asked before holds up nobody longer than the limit.
        if (!(await settledBefore(run.busy, signal))) return;
        await this.#put(run, published, signal, (added) => lines.push(added));
      }),
    );
    const together = lines.join('');
    try {
      if (together !== '') await keepCosigned(this.#parts.db, published, together);
    } catch (error) {
      // A disk that takes nothing ends neither the round nor the controller: the lines are asked for again.
      this.#parts.log.error({ err: error }, 'what witnesses signed could not be kept');
    }
    return together;
  }

  /** Never rejects; resolves with why it is not there. */
  #put(
    run: Run,
    published: Published,
    signal: AbortSignal,
    take?: (added: string) => void,
  ): Promise<Error | undefined> {
    const work = async () => {
      try {
        const added = await run.anchor.put(published, signal);
        take?.(added);
        await this.#arrived(run, published);
        return undefined;
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        await this.#failed(run, published, error);
        return error;
      }
    };
    const done = work().finally(() => {
      if (run.busy === done) run.busy = undefined;
    });
    run.busy = done;
    return done;
  }

  async #arrived(run: Run, published: Published): Promise<void> {
    const { db, clock } = this.#parts;
    const at = clock.now();
    const { origin, size } = published;
    run.order = { ...run.order, origin, size };
    Object.assign(run, { tries: 0, trouble: undefined, nextAt: at + run.order.everyMs });
    await keepArrived(db, at, run.order, published);
  }

  async #failed(run: Run, { size }: Published, error: Error): Promise<void> {
    const { db, clock, log } = this.#parts;
    const why = error.message;
    const at = clock.now();
    const { name } = run.order;
    Object.assign(run, { trouble: why, nextAt: at + backoff(run.tries, Math.random), tries: run.tries + 1 });
    if (run.tries === 1)
      log.warn({ anchor: name, why }, 'a checkpoint did not reach a place outside; it is tried again');
    const grave = error instanceof WitnessAhead || error instanceof WitnessRefuses;
    try {
      await keepFailed(db, at, run.order, { size, why, grave });
    } catch (cause) {
      log.error({ err: cause, anchor: name }, 'that a place outside fails could not be kept');
    }
  }
}

const stands = ({ origin, size }: AnchorOrder, published: Published): boolean =>
  origin === published.origin && size >= published.size;

function publishedOf(checkpoint: string, time: number): Published {
  const { origin, size, root } = parseCheckpointText(parseNote(checkpoint).text);
  return { origin, size, root: root.toString('base64'), checkpoint, time };
}

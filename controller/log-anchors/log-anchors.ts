/**
 * Brings the newest checkpoint to each place outside (P35), at that place's own pace and when the controller stops. What fails is tried again;
 * that it goes on failing is on record. Witnesses are asked in one round, so that one note has the lines of all of them.
 */
import { type Clock, second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { parseCheckpointText } from '#shared/log/checkpoint.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { readLogKeys } from '../authority/log-keys.ts';
import type { KnownCheckpoints } from '../log/known/known-checkpoints.ts';
import type { LogKeeper } from '../log/log-keeper.ts';
import { unopened } from '../log-streams/stream-rows.ts';
import type { LogAnchorRow } from '../store/log-anchor-tables.ts';
import type { Db } from '../store/open-store.ts';
import type { Published } from './anchor.ts';
import { knownByAnchor, readAnchors, tryOrder } from './anchor-rows.ts';
import { AnchorRun, putMs } from './anchor-run.ts';
import { keepCosigned } from './cosigned.ts';
import { anchorFile, lastInFile } from './file-anchor.ts';
import { keepFailed } from './keep-outcome.ts';
import { openAnchor } from './open-anchor.ts';

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

/** A place as the store has it, which cannot be opened. */
interface Shut {
  readonly born: number;
  readonly isWitness: boolean;
  readonly error: Error;
}

const lookMs = second;
/** When the controller stops it waits no longer. */
const lastMs = 4 * second;
const cosignMs = 10 * second;

export class LogAnchors {
  readonly #parts: LogAnchorsParts;
  readonly #runs = new Map<string, AnchorRun>();
  /** Places that cannot be opened, by name. */
  readonly #shut = new Map<string, Shut>();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #ended = new AbortController();
  #looking: Promise<void> = Promise.resolve();
  #complaint = '';

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
    return this.#runs.get(name)?.trouble ?? this.#shut.get(name)?.error.message;
  }

  /** At each change, and each second: whatever is due begins. Resolves when it has begun. */
  look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#look())
      .then(
        () => {
          this.#complaint = '';
        },
        (error: unknown) => this.#complain(error),
      );
    return this.#looking;
  }

  /** The newest checkpoint goes there now. Returns why it did not arrive, and of how many leaves it is. */
  async try(row: LogAnchorRow): Promise<{ readonly size: number; readonly why?: string }> {
    const published = await this.#newest();
    if (published === undefined) return { size: 0, why: 'the log has no checkpoint, or signs nothing' };
    await this.look();
    const run = this.#runs.get(row.name) ?? this.#open(row);
    const error = run instanceof Error ? run : await run.put(published, AbortSignal.timeout(putMs));
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
    const signal = this.#cosignLimit();
    const shut = [...this.#shut].filter(([, { isWitness }]) => isWitness).map(([name, { error }]) => ({ name, error }));
    const asked = this.#witnesses().map(async (run) => ({ name: run.name, error: await run.put(published, signal) }));
    return [...shut, ...(await Promise.all(asked))];
  }

  /** The checkpoint with what witnesses added to it within a few seconds; as it is without any. */
  async witnessed(checkpoint: string): Promise<string> {
    await this.look();
    const published = publishedOf(checkpoint, this.#parts.clock.now());
    return `${checkpoint}${await this.#cosign(this.#witnesses(), published, this.#cosignLimit())}`;
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
    await this.#follow().catch((error: unknown) => this.#complain(error));
    const signal = AbortSignal.timeout(lastMs);
    const published = await this.#newest();
    if (published !== undefined) {
      const late = [...this.#runs.values()].filter((run) => !run.stands(published));
      const apart = late.filter(({ isWitness }) => !isWitness).map((run) => run.put(published, signal));
      // All of them, so that one note has the lines of all.
      const asked = late.some(({ isWitness }) => isWitness) ? this.#witnesses() : [];
      const together = this.#cosign(asked, published, signal);
      await Promise.race([
        Promise.all([...apart, together]),
        new Promise((resolve) => setTimeout(resolve, lastMs).unref()),
      ]);
    }
    this.#ended.abort();
    for (const run of this.#runs.values()) run.close();
  }

  /** The places as the store has them, and what other controllers brought there. */
  async #follow(): Promise<void> {
    const rows = await readAnchors(this.#parts.db);
    const wanted = new Map(rows.map((row) => [row.name, row]));
    for (const [name, run] of this.#runs) {
      if (run.isOf(wanted.get(name))) continue;
      run.close();
      this.#runs.delete(name);
    }
    for (const [name, { born }] of this.#shut) if (wanted.get(name)?.created_at !== born) this.#shut.delete(name);
    for (const row of rows) {
      const run = this.#runs.get(row.name) ?? this.#open(row);
      if (run instanceof Error) await this.#tellShut(row, run);
      else if (this.#runs.get(row.name) === run) run.follow(row);
      else {
        this.#runs.set(row.name, run);
        this.#shut.delete(row.name);
      }
    }
  }

  /** Once, as a place that nothing reaches: the others go on. */
  async #tellShut(row: LogAnchorRow, error: Error): Promise<void> {
    const { name, kind, created_at: born } = row;
    if (this.#shut.has(name)) return;
    const { db, clock, log } = this.#parts;
    const at = clock.now();
    log.error({ anchor: name, why: error.message }, 'a place outside of the log cannot be opened');
    await keepFailed(db, at, { name, born }, { size: row.size, why: error.message, grave: true, nextAt: at });
    this.#shut.set(name, { born, isWitness: kind === 'witness', error });
  }

  async #look(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    await this.#follow();
    const at = this.#parts.clock.now();
    const due = [...this.#runs.values()].filter((run) => run.isDue(at));
    if (due.length === 0) return;
    const published = await this.#newest();
    if (published === undefined) return;
    const late: AnchorRun[] = [];
    for (const run of due) if (!run.stands(published) && (await run.takeTurn(at))) late.push(run);
    for (const run of late) if (!run.isWitness) void run.put(published, this.#limit());
    const asked = late.filter(({ isWitness }) => isWitness);
    void this.#cosign(asked, published, this.#limit());
  }

  #witnesses(): AnchorRun[] {
    return [...this.#runs.values()].filter(({ isWitness }) => isWitness);
  }

  #cosignLimit(): AbortSignal {
    return AbortSignal.timeout(this.#parts.cosignMs ?? cosignMs);
  }

  #limit(): AbortSignal {
    return AbortSignal.any([this.#ended.signal, AbortSignal.timeout(putMs)]);
  }

  #open(row: LogAnchorRow): AnchorRun | Error {
    const { db, sealer, clock, log, dir, keeper } = this.#parts;
    const order = tryOrder(sealer, row);
    if (order instanceof Error) return order;
    try {
      return new AnchorRun({ db, clock, log }, order, (signed) =>
        openAnchor(order, {
          dir,
          signed,
          logKeys: async () => (await readLogKeys(db)).map(({ key }) => key),
          prove: (from, to) =>
            proveConsistency(
              from,
              to,
              nodesFromTiles((tile) => keeper.tiles.read(tile), to),
            ),
        }),
      );
    } catch (error) {
      return unopened(error);
    }
  }

  /** Undefined while nothing is signed. */
  async #newest(): Promise<Published | undefined> {
    const { keeper, clock } = this.#parts;
    const { checkpoint, held } = await keeper.state();
    return checkpoint === null || held !== null ? undefined : publishedOf(checkpoint, clock.now());
  }

  /** Never rejects. Asks these witnesses at once; keeps the note with the lines that came, and returns those. */
  async #cosign(asked: readonly AnchorRun[], published: Published, signal: AbortSignal): Promise<string> {
    const lines: string[] = [];
    await Promise.all(asked.map((run) => run.put(published, signal, (added) => lines.push(added))));
    const together = lines.join('');
    try {
      if (together !== '') await keepCosigned(this.#parts.db, published, together);
    } catch (error) {
      // A disk that takes nothing ends neither the round nor the controller: the lines are asked for again.
      this.#parts.log.error({ err: error }, 'what witnesses signed could not be kept');
    }
    return together;
  }

  /** Once, until it is something else: this is each second. */
  #complain(error: unknown): void {
    const { message } = asPosternError(error);
    if (message !== this.#complaint)
      this.#parts.log.error({ err: error }, 'the places outside of the log could not be looked after');
    this.#complaint = message;
  }
}

function publishedOf(checkpoint: string, time: number): Published {
  const { origin, size, root } = parseCheckpointText(parseNote(checkpoint).text);
  return { origin, size, root: root.toString('base64'), checkpoint, time };
}

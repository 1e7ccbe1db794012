/**
 * Keeps the log in order while the controller runs: records get their place within 100 ms, and each second that brought some ends with
 * tiles on the disk and a signed checkpoint over them. The order of the steps is what makes a fork impossible: the state in the store,
 * then tiles, then the signature over what the store says, then the checkpoint's file.
 */
import { join } from 'node:path';
import { type Clock, second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { checkpointText, openCheckpoint } from '#shared/log/checkpoint.ts';
import { type NoteSigner, signNote } from '#shared/log/note-signer.ts';
import { nodesFromTiles, type ReadTile } from '#shared/log/tiles.ts';
import { rootFromNodes } from '#shared/log/tree-proofs.ts';
import { openLogSigners } from '../authority/log-keys.ts';
import type { Db } from '../store/open-store.ts';
import { holdLog } from './known/hold-log.ts';
import { type Held, type LogState, openLogState, readLogState } from './log-state.ts';
import { sequenceRecords } from './sequence-records.ts';
import { flushFolder, readIfThere, TileStore, writeWhole } from './tile-store.ts';

export interface LogKeeperParts {
  readonly db: Db;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  /** The state directory. */
  readonly dir: string;
  readonly trustDomain: string;
  /** Between two looks for new records; tests take their time themselves. */
  readonly everyMs?: number;
  readonly publishMs?: number;
}

export const checkpointName = 'checkpoint';
const usualEveryMs = 100;

/** Where tiles and checkpoint of a log are. A log that a restore opened has a folder, and an address, of its own. */
export const logFolder = (dir: string, number: number): string => join(dir, 'log', String(number));

export class LogKeeper {
  readonly #parts: LogKeeperParts;
  #tiles: TileStore;
  #signers: readonly NoteSigner[];
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #publishedSize = 0;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #complaint = '';
  #witnesses: { witnessed(checkpoint: string): Promise<string> } | undefined;
  #stopped = false;

  private constructor(parts: LogKeeperParts, state: LogState, signers: readonly NoteSigner[]) {
    this.#parts = parts;
    this.#signers = signers;
    this.#tiles = new TileStore(parts.db, logFolder(parts.dir, state.number));
  }

  /** What was written before this log had an order gets it first thing. Throws `internal` when its key does not open. */
  static async open(parts: LogKeeperParts): Promise<LogKeeper> {
    const { db, sealer, clock, trustDomain } = parts;
    const state = await openLogState(db, trustDomain);
    const signers = await openLogSigners(db, { sealer, at: clock.now(), origin: state.origin });
    const keeper = new LogKeeper(parts, state, signers);
    await keeper.#takeUp(state);
    const { everyMs = usualEveryMs } = parts;
    if (everyMs > 0) keeper.#timer = setInterval(() => void keeper.#look(), everyMs);
    return keeper;
  }

  get tiles(): TileStore {
    return this.#tiles;
  }

  state(): Promise<LogState> {
    return readLogState(this.#parts.db);
  }

  /** Everything that is committed by now is in order, on the disk and signed when it resolves. Throws `log-held` when it may not be. */
  async settle(): Promise<LogState & { readonly checkpoint: string }> {
    return this.#inTurn(async () => {
      await this.#sequence();
      await this.#publish();
      const state = await readLogState(this.#parts.db);
      if (state.held !== null) throw heldError(state.held);
      if (state.checkpoint === null) throw new PosternError('internal', 'the log has no checkpoint');
      return { ...state, checkpoint: state.checkpoint };
    });
  }

  /** As `settle`; the checkpoint has the lines of the witnesses that answer within a few seconds. */
  async settleWitnessed(): Promise<LogState & { readonly checkpoint: string }> {
    const settled = await this.settle();
    const checkpoint = (await this.#witnesses?.witnessed(settled.checkpoint)) ?? settled.checkpoint;
    return { ...settled, checkpoint };
  }

  /** Who asks them. */
  witnessedBy(witnesses: { witnessed(checkpoint: string): Promise<string> }): void {
    this.#witnesses = witnesses;
  }

  /** After the state was changed by somebody else's hand: another log was opened, or this one may go on. */
  async reopen(): Promise<void> {
    await this.#inTurn(async () => this.#adopt(await readLogState(this.#parts.db)));
    await this.#look();
  }

  /** Leaves nothing unsigned behind. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look(true);
    this.#stopped = true;
  }

  async #adopt(state: LogState): Promise<void> {
    const { db, sealer, clock, dir } = this.#parts;
    this.#signers = await openLogSigners(db, { sealer, at: clock.now(), origin: state.origin });
    this.#tiles = new TileStore(db, logFolder(dir, state.number));
    await this.#takeUp(state);
  }

  /** Tiles on this disk are good up to what the checkpoint beside them says; past the database's own state they are a warning. */
  async #takeUp(state: LogState): Promise<void> {
    this.#publishedSize = 0;
    this.#publishedAt = Number.NEGATIVE_INFINITY;
    const bytes = await readIfThere(join(this.#tiles.dir, checkpointName));
    if (bytes === undefined) return;
    let found: ReturnType<typeof openCheckpoint>;
    try {
      found = openCheckpoint(bytes, { log: this.#signers.map(({ key }) => key) });
    } catch (error) {
      this.#parts.log.error({ err: error }, 'the checkpoint on the disk is not one of this log: tiles are made again');
      return;
    }
    const { size, root } = found;
    if (size <= state.size && (await this.#hasRoot(size, root, this.#bothRead))) this.#publishedSize = size;
    else if (size <= state.size && (await this.#hasRoot(size, root, (tile) => this.#tiles.make(tile)))) {
      this.#parts.log.error({ size }, 'tiles on the disk were altered: all are made again');
    } else if (state.held === null) await this.#hold('behind', size, state.size);
  }

  /** Leaves as the database has them, since files of a later time would say what it has lost; the rest as it is quick to have. */
  readonly #bothRead: ReadTile = (tile) => (tile.level === 0 ? this.#tiles.make(tile) : this.#tiles.read(tile));

  async #hold(held: Held, known: number, size: number): Promise<void> {
    await this.#parts.db.transaction().execute((trx) => holdLog(trx, held));
    this.#parts.log.error(
      { known, size },
      'the database is behind its own log: nothing is signed (posternctl log known)',
    );
  }

  async #hasRoot(size: number, root: Buffer, read: ReadTile = (tile) => this.#tiles.read(tile)): Promise<boolean> {
    return (await rootFromNodes(size, nodesFromTiles(read, size))).equals(root);
  }

  #look(publish = false): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#stopped) return;
      try {
        await this.#sequence();
        const { publishMs = second } = this.#parts;
        if (publish || performance.now() - this.#publishedAt >= publishMs) await this.#publish();
        this.#complaint = '';
      } catch (error) {
        // Another look follows; what fails each time is told once.
        const { message } = asPosternError(error);
        if (message !== this.#complaint) this.#parts.log.error({ err: error }, 'the log could not be brought in order');
        this.#complaint = message;
      }
    });
  }

  async #sequence(): Promise<void> {
    for (let count = 1; count > 0; ) {
      count = await sequenceRecords(this.#parts.db).catch((error: unknown) => {
        if (asPosternError(error).code === 'conflict') return 1;
        throw error;
      });
    }
  }

  async #publish(): Promise<void> {
    const { db, dir } = this.#parts;
    const state = await readLogState(db);
    if (state.held !== null) return;
    if (this.#tiles.dir !== logFolder(dir, state.number)) await this.#adopt(state);
    if (state.size === this.#publishedSize && state.signed_size === state.size && state.checkpoint !== null) return;
    await this.#grow(state);
    const root = Buffer.from(state.root, 'hex');
    const checkpoint = signNote(checkpointText({ origin: state.origin, size: state.size, root }), this.#signers);
    await db
      .updateTable('log_state')
      .set({ checkpoint, signed_size: state.size })
      .where('id', '=', 1)
      .where('number', '=', state.number)
      .where('signed_size', '<=', state.size)
      .execute();
    await writeWhole(join(this.#tiles.dir, checkpointName), checkpoint);
    await flushFolder(this.#tiles.dir);
    this.#publishedSize = state.size;
    this.#publishedAt = performance.now();
  }

  /** Tiles that do not give the root of the state are made anew, all of them, out of the database. */
  async #grow({ size, root }: LogState): Promise<void> {
    await this.#tiles.grow(this.#publishedSize, size);
    if (await this.#hasRoot(size, Buffer.from(root, 'hex'))) return;
    this.#parts.log.error({ size }, 'the tiles on the disk do not fit the log: all are made again');
    this.#tiles = new TileStore(this.#parts.db, this.#tiles.dir);
    await this.#tiles.grow(0, size);
    if (await this.#hasRoot(size, Buffer.from(root, 'hex'))) return;
    throw new PosternError('log-broken', 'the leaves in the database do not give the root of the log');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next.catch(() => {});
    return next;
  }
}

const whyHeld: Readonly<Record<Held, string>> = {
  restored: 'a backup was put back',
  behind: 'its newest checkpoint is past what the database holds',
  contradicted: 'it does not go on from a checkpoint that somebody keeps',
};

export function heldError(held: string): PosternError {
  return new PosternError('log-held', undefined, {
    tell: `The log signs nothing, since ${whyHeld[held as Held]}: posternctl log resume, or posternctl log new.`,
  });
}

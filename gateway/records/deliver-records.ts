/**
 * Delivers the spools to the controller, each in order, until the controller has confirmed every line; then the segment
 * is removed. Nothing is dropped while the controller is away: it is tried again, ever less often. What cannot be read is
 * told as lost, so that what stands behind it is taken.
 */
import { closeSync, fdatasync, fstatSync, openSync, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { SpooledRecord } from '#shared/contracts/record.ts';
import { LaterRecords } from './later-record.ts';
import type { SpoolDirectory } from './spool-directory.ts';
import { SpoolGaps } from './spool-gaps.ts';
import { longestLine, scanLines } from './spool-scan.ts';

export interface DeliveryParts {
  readonly gateway: string;
  readonly directory: SpoolDirectory;
  readonly log: Log;
  /** `POST /v1/gateway/records`. */
  readonly send: (spool: string, records: SpooledRecord[]) => Promise<{ through: number }>;
}

const flushed = promisify(fdatasync);
const batchRecords = 500;
const readBytes = longestLine;
const lookMs = 200;
const backOff = { least: 200, most: 15_000 };

interface Cursor {
  offset: number;
  /** What was read and not yet confirmed. */
  queue: SpooledRecord[];
  through: number;
  laters: LaterRecords;
  gaps: SpoolGaps;
  left: boolean;
}

export class RecordDelivery {
  readonly #parts: DeliveryParts;
  readonly #cursors = new Map<string, Cursor>();
  /** Delivered, and could not be removed yet. */
  readonly #stuck = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #delay = backOff.least;
  #stopped = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#plan(0);
  }

  /** Delivers what is there once more and stops; gives up when the controller does not answer. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    this.#stopped = true;
    await this.deliverAll().catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, 'records stay in the spool: the controller does not take them now');
    });
  }

  /** One pass over all spools. Throws what `send` throws; what is refused for its content keeps no other spool back. */
  async deliverAll(): Promise<void> {
    let refused: unknown;
    for (const spool of this.#parts.directory.list()) {
      try {
        await this.#deliver(spool);
      } catch (error) {
        if (!(error instanceof PosternError) || error.status >= 500) throw error;
        refused ??= error;
      }
    }
    if (refused !== undefined) throw refused;
  }

  #plan(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.deliverAll()
        .then(() => {
          this.#delay = backOff.least;
          this.#plan(lookMs);
        })
        .catch((error: unknown) => {
          this.#parts.log.warn({ err: error, againInMs: this.#delay }, 'records could not be delivered');
          this.#plan(this.#delay);
          this.#delay = Math.min(this.#delay * 2, backOff.most);
        });
    }, ms);
  }

  async #deliver(spool: string): Promise<void> {
    const { directory, send } = this.#parts;
    const cursor = this.#cursors.get(spool) ?? {
      offset: 0,
      queue: [],
      through: directory.readThrough(spool),
      laters: new LaterRecords(),
      gaps: new SpoolGaps(),
      left: false,
    };
    this.#cursors.set(spool, cursor);
    while ((await this.#fill(spool, cursor)) || cursor.queue.length > 0) {
      const batch = cursor.queue.slice(0, batchRecords);
      if (batch.length === 0) continue;
      const { through } = await send(spool, batch);
      if (through < cursor.through) this.#restart(spool, cursor, through);
      cursor.queue = cursor.queue.filter((line) => line.seq > through);
      if (through === cursor.through) break;
      cursor.through = through;
      this.#remember(spool, through);
    }
    if (cursor.queue.length === 0 && cursor.left) {
      const { damage } = cursor.gaps;
      if (damage) this.#parts.log.error({ spool, ...damage }, 'a segment was damaged where it held no records');
      if (this.#remove(spool)) this.#cursors.delete(spool);
    }
  }

  /** Only saves a second delivery: a disk that takes nothing must not stop what makes room on it. */
  #remember(spool: string, through: number): void {
    try {
      this.#parts.directory.writeThrough(spool, through);
    } catch (error) {
      this.#parts.log.warn({ err: error, spool }, 'how far a spool was delivered could not be kept');
    }
  }

  /** The next pass tries it again: what stands behind it is delivered meanwhile. */
  #remove(spool: string): boolean {
    try {
      this.#parts.directory.remove(spool);
      this.#stuck.delete(spool);
      return true;
    } catch (error) {
      if (!this.#stuck.has(spool))
        this.#parts.log.warn({ err: error, spool }, 'a segment that was delivered could not be removed');
      this.#stuck.add(spool);
      return false;
    }
  }

  /** The controller has less than it once confirmed (it was restored): all of the segment goes again. */
  #restart(spool: string, cursor: Cursor, through: number): void {
    this.#parts.log.warn({ spool, through }, 'the controller lost records that it had confirmed; they are sent again');
    Object.assign(cursor, { offset: 0, queue: [], through, laters: new LaterRecords(), gaps: new SpoolGaps() });
  }

  /** Reads on from the offset. Returns whether anything new was read. */
  async #fill(spool: string, cursor: Cursor): Promise<boolean> {
    if (cursor.queue.length >= batchRecords) return false;
    const fd = openSync(this.#parts.directory.file(spool), 'r');
    try {
      const { size: whole, mtimeMs } = fstatSync(fd);
      const size = Math.min(readBytes, whole - cursor.offset);
      if (size <= 0) return false;
      // A loss of power must not take back here what the controller has: its numbers would be given out again.
      await flushed(fd);
      const bytes = Buffer.alloc(size);
      const read = readSync(fd, bytes, 0, size, cursor.offset);
      const { parts, end } = scanLines(bytes.subarray(0, read));
      const { gateway, log } = this.#parts;
      for (const part of parts) {
        if ('damaged' in part) {
          cursor.gaps.skip({ ...part, offset: cursor.offset + part.offset });
          continue;
        }
        const line = cursor.laters.whole(part);
        if (line === undefined) continue;
        if ('left' in line) cursor.left = true;
        const found = cursor.gaps.follow(line, { gateway, spool, writtenAt: Math.floor(mtimeMs) });
        const isLoss = found.length > ('seq' in line ? 1 : 0);
        if (isLoss) log.error(found[0]!.record.details, 'records of a spool are lost');
        cursor.queue.push(...found.filter(({ seq }) => seq > cursor.through));
      }
      cursor.offset += end;
      return end > 0;
    } finally {
      closeSync(fd);
    }
  }
}

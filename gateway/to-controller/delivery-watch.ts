/**
 * Up to which moment everything that this gateway recorded is at the controller. The controller holds later records against it: what is delivered
 * afterwards and says that it is older is an alarm there (P24), so that this never says more than is sure.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { SpooledRecord } from '#shared/contracts/record.ts';
import type { SpoolDirectory } from '../records/spool-directory.ts';
import { scanLines } from '../records/spool-scan.ts';

/** Longer than the longest line of a record that agents can bring about. */
const tailBytes = 128 * 1024;

interface Confirmed {
  readonly through: number;
  /** Of the record of that number, or of one before it. */
  readonly time: number;
}

export type Send = (spool: string, records: SpooledRecord[]) => Promise<{ through: number }>;

export class DeliveryWatch {
  readonly #directory: Pick<SpoolDirectory, 'list' | 'file' | 'readThrough'>;
  readonly #confirmed = new Map<string, Confirmed>();
  #through: number | undefined;

  constructor(directory: Pick<SpoolDirectory, 'list' | 'file' | 'readThrough'>) {
    this.#directory = directory;
  }

  /** `send`, watched. */
  watch(send: Send): Send {
    return async (spool, records) => {
      const { through } = await send(spool, records);
      const last = records.findLast(({ seq }) => seq <= through);
      if (last !== undefined) this.#confirmed.set(spool, { through, time: last.record.time });
      // The controller was restored: what it had confirmed is on its way again.
      else if (through < (this.#confirmed.get(spool)?.through ?? 0)) this.#confirmed.delete(spool);
      return { through };
    };
  }

  /**
   * `now`: controller time. `isWriting`: nothing that was recorded waits in memory for the disk. Undefined while nothing is sure: after a start
   * something may be left of before it.
   */
  look(now: number, isWriting: boolean): number | undefined {
    // A clock that was ahead for a moment made it too late.
    if (this.#through !== undefined) this.#through = Math.min(this.#through, now);
    if (!isWriting) return this.#through;
    let sure = now;
    const spools = this.#directory.list();
    for (const spool of this.#confirmed.keys()) if (!spools.includes(spool)) this.#confirmed.delete(spool);
    for (const spool of spools) {
      const last = lastNumber(this.#directory.file(spool));
      const confirmed = this.#confirmed.get(spool);
      const through = Math.max(this.#directory.readThrough(spool), confirmed?.through ?? 0);
      if (last !== undefined && last <= through) continue;
      // A spool is in the order of time: what comes next is no older than what was confirmed last.
      if (confirmed === undefined) return this.#through;
      sure = Math.min(sure, confirmed.time);
    }
    this.#through = Math.max(this.#through ?? sure, sure);
    return this.#through;
  }
}

/** Of the last record of a segment; undefined where that cannot be told. A segment that is removed meanwhile was delivered. */
function lastNumber(file: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return 0;
  }
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return 0;
    const tail = Buffer.alloc(Math.min(size, tailBytes));
    readSync(fd, tail, 0, tail.length, size - tail.length);
    const last = scanLines(tail).parts.at(-1);
    if (last === undefined || 'damaged' in last) return undefined;
    if ('seq' in last) return last.seq;
    // What was carried on from another segment is no record of this one.
    return 'left' in last ? last.last : size <= tailBytes ? 0 : undefined;
  } finally {
    closeSync(fd);
  }
}

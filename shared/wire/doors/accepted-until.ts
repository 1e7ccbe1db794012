/**
 * The latest moment, by the door's clock, at which a knock may have been accepted. Kept apart from the counters: where these are lost,
 * knocks from after it are good, whatever the clock says then, and none from before it.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { minute } from '../../base/clock.ts';

/** Written this far ahead: one write in a minute of knocks. */
const ahead = minute;

const fileOf = (memory: string): string => `${memory}.until`;

export class AcceptedUntil {
  readonly #path: string;
  /** Of the runs before. */
  readonly #former: number | undefined;
  #until: number | undefined;

  /** `memory`: the file of the counters. */
  constructor(memory: string) {
    this.#path = fileOf(memory);
    this.#former = readUntil(this.#path);
    this.#until = this.#former;
  }

  /** Milliseconds; undefined when nothing is known. */
  get moment(): number | undefined {
    return this.#until;
  }

  /** To be called before a knock is accepted at `now`. Throws what the disk throws. */
  cover(now: number): void {
    if (now > (this.#until ?? Number.NEGATIVE_INFINITY)) this.#write(now + ahead);
  }

  /** After an orderly stop: none was accepted later than `last` in this run. */
  end(last: number): void {
    const until = Math.max(last, this.#former ?? last);
    if (until < (this.#until ?? 0)) this.#write(until);
  }

  #write(until: number): void {
    writeUntil(this.#path, until);
    this.#until = until;
  }
}

/** Of a place in which no knock was accepted yet: nor was one elsewhere, by a former instance, after `now`. */
export const noteAcceptedUntil = (memory: string, now: number): void => writeUntil(fileOf(memory), now);

function writeUntil(path: string, until: number): void {
  const text = String(Math.floor(until));
  const next = `${path}.next`;
  const fd = openSync(next, 'w', 0o600);
  try {
    writeSync(fd, `${crc32(text).toString(16)} ${text}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
}

/** A file that is damaged tells nothing. */
function readUntil(path: string): number | undefined {
  try {
    const [sum, text = ''] = readFileSync(path, 'latin1').trimEnd().split(' ');
    return /^\d{1,16}$/.test(text) && crc32(text).toString(16) === sum ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

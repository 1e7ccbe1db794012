/**
 * One durable integer for each key at one door is all that stops replays (P25): a counter is good when it is above every one
 * before. On disk stands a ceiling at or above the last accepted counter, never below: written and flushed before the knock
 * that needs it is accepted, some ahead so that the next ones wait for no disk, and read back at start as if all below it had
 * been used. Lines are only added, each with its checksum, and the highest of a key counts, so that no crash takes one back.
 */
import { closeSync, fdatasync, fsyncSync, openSync, readFileSync, renameSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import { knockReserve } from '../../contracts/knock.ts';
import { AcceptedUntil } from './accepted-until.ts';

export interface ReplayMemory {
  /** Moves the counter of this key up to `counter`. False when it was there or above before. Throws when it cannot be kept. */
  accept(key: string, counter: number): Promise<boolean>;
  /** Since when every accepted knock is known, in milliseconds. */
  readonly since: number;
}

interface Kept {
  last: number;
  ceiling: number;
}

const writeAll = promisify(write);
const flush = promisify(fdatasync);
/** The file is written anew when it has grown to this many lines, and to some times what it must hold. */
const linesBeforeTidy = 20_000;

export class FileReplayMemory implements ReplayMemory {
  readonly since: number;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #until: AcceptedUntil;
  readonly #keys = new Map<string, Kept>();
  #fd: number;
  #lines = 0;
  /** A failed write may have left a part of a line, which must not join the next one. */
  #isTorn = false;
  #waiting: { readonly line: string; settle(error?: unknown): void }[] = [];
  #writing: Promise<void> | undefined;
  #stopped = false;
  #lastAt = Number.NEGATIVE_INFINITY;

  /**
   * `clock`: controller time. In a new file `since` is the last moment at which a knock may have been accepted before, or the time now
   * where nothing is known of that: so one that begins while a clock is far ahead asks for nothing of the future. Throws `disk-failed`.
   */
  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#until = new AcceptedUntil(path);
    const { since, ceilings } = readMemory(path);
    this.since = since ?? this.#until.moment ?? clock.now();
    for (const [key, ceiling] of ceilings) this.#keys.set(key, { last: ceiling, ceiling });
    // Written anew at each start: what a crash tore is gone, and the file is as short as it can be.
    this.#fd = this.#rewrite(({ ceiling }) => ceiling);
  }

  async accept(key: string, counter: number): Promise<boolean> {
    const kept = this.#keys.get(key) ?? { last: 0, ceiling: 0 };
    if (counter <= kept.last) return false;
    if (this.#stopped) throw new PosternError('unavailable', 'the memory of knocks is closed');
    this.#cover(this.#clock.now());
    // Before anything waits: the same counter once more is a replay from this moment on, also if the disk then fails.
    kept.last = counter;
    this.#keys.set(key, kept);
    if (counter <= kept.ceiling) return true;
    const ceiling = Math.min(counter + knockReserve, Number.MAX_SAFE_INTEGER);
    await this.#keep(lineOf(key, ceiling));
    kept.ceiling = Math.max(kept.ceiling, ceiling);
    return true;
  }

  #cover(now: number): void {
    try {
      this.#until.cover(now);
    } catch (cause) {
      throw new PosternError('disk-failed', `${this.#path} cannot be kept`, { cause });
    }
    this.#lastAt = Math.max(this.#lastAt, now);
  }

  /** Whose counters are held. */
  keys(): IterableIterator<string> {
    return this.#keys.keys();
  }

  /** What no door needs any longer. Only keys that can never be good again: their knocks would be good once more. */
  forget(keys: (key: string) => boolean): void {
    for (const key of this.#keys.keys()) if (keys(key)) this.#keys.delete(key);
  }

  /** Keeps the counters as they are, without what was ahead of them: after an orderly stop nothing good is refused. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#writing?.catch(() => {});
    closeSync(this.#fd);
    closeSync(this.#rewrite(({ last }) => last));
    if (this.#lastAt > Number.NEGATIVE_INFINITY) this.#until.end(this.#lastAt);
  }

  /** All that wait while one flush runs are written and flushed together. */
  #keep(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#writing ??= this.#writeWaiting().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      let failure: unknown;
      try {
        const bytes = Buffer.from((this.#isTorn ? '\n' : '') + batch.map(({ line }) => line).join(''));
        let written = 0;
        while (written < bytes.length) written += (await writeAll(this.#fd, bytes, written)).bytesWritten;
        await flush(this.#fd);
        this.#lines += batch.length;
      } catch (cause) {
        failure = new PosternError('disk-failed', `${this.#path} cannot be written`, { cause });
      }
      this.#isTorn = failure !== undefined;
      for (const { settle } of batch) settle(failure);
      if (failure !== undefined || this.#lines > Math.max(linesBeforeTidy, 4 * this.#keys.size)) this.#tidy();
    }
  }

  #tidy(): void {
    try {
      const fd = this.#rewrite(({ last, ceiling }) => Math.max(last, ceiling));
      closeSync(this.#fd);
      this.#fd = fd;
      this.#isTorn = false;
    } catch {
      // The old file is as it was; the next write says what is wrong with the disk.
    }
  }

  /** A whole new file in place of the old one, on disk before its name is. Returns it, open for adding. */
  #rewrite(counterOf: (kept: Kept) => number): number {
    const next = `${this.#path}.next`;
    try {
      const fd = openSync(next, 'w', 0o600);
      const lines = [...this.#keys].map(([key, kept]) => lineOf(key, counterOf(kept)));
      const bytes = Buffer.from([lineOf('since', this.since), ...lines].join(''));
      let written = 0;
      while (written < bytes.length) written += writeSync(fd, bytes, written);
      fsyncSync(fd);
      renameSync(next, this.#path);
      flushDirectory(dirname(this.#path));
      this.#lines = lines.length + 1;
      return fd;
    } catch (cause) {
      throw new PosternError('disk-failed', `${this.#path} cannot be written: ${(cause as Error).message}`, { cause });
    }
  }
}

function flushDirectory(path: string): void {
  // There a directory cannot be opened, and a rename is durable by itself.
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

function lineOf(key: string, value: number): string {
  const text = `${key} ${value}`;
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
}

interface FoundMemory {
  /** Undefined when something is missing: no file, no first line, or a line in the middle that cannot be read. */
  readonly since: number | undefined;
  readonly ceilings: ReadonlyMap<string, number>;
}

function readMemory(path: string): FoundMemory {
  const ceilings = new Map<string, number>();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { since: undefined, ceilings };
    throw new PosternError('disk-failed', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  let since: number | undefined;
  let isWhole = true;
  // What follows the last line's end was torn by a crash, before the knock that wanted it was accepted.
  for (const line of text.split('\n').slice(0, -1)) {
    const [, key, number] = line.split(' ');
    const value = Number(number);
    if (key === undefined || !Number.isSafeInteger(value) || `${line}\n` !== lineOf(key, value))
      isWhole &&= line === '';
    else if (key === 'since') since = value;
    else ceilings.set(key, Math.max(ceilings.get(key) ?? 0, value));
  }
  return { since: isWhole ? since : undefined, ceilings };
}

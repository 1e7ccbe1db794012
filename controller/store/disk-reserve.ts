/**
 * 64 MB of disk for owners' sign-in, revocation and clean-up (P24). They stand in a file, so that neither this controller nor anything else
 * on the disk can use them up. When the disk runs short the file is given back, and until there is room for it again only
 * what the reserve is for is let through. A disk that takes nothing at all (read-only, or broken) is noticed here as well.
 */
import { execFile } from 'node:child_process';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';

export interface DiskReserveParts {
  /** The state directory; what is written elsewhere is not watched. */
  readonly dir: string;
  /** 0 switches all of this off. */
  readonly bytes: number;
  readonly log: Log;
}

export interface DiskState {
  /** Bytes that this user may still write, the reserve not counted. */
  readonly free: number;
  readonly short: boolean;
  /** A write failed, and none has gone well since. */
  readonly failing: boolean;
}

const lookMs = 1000;

export class DiskReserve {
  readonly #parts: DiskReserveParts;
  readonly #file: string;
  readonly #timer: NodeJS.Timeout;
  #state: Omit<DiskState, 'failing'> = { free: Number.MAX_SAFE_INTEGER, short: false };
  #failing = false;
  #holds = false;
  #making: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: DiskReserveParts) {
    this.#parts = parts;
    this.#file = join(parts.dir, 'reserve');
    this.#holds = sizeOf(this.#file) === parts.bytes;
    this.look();
    this.#timer = setInterval(() => this.look(), lookMs).unref();
  }

  state(): DiskState {
    return { ...this.#state, failing: this.#failing };
  }

  /** Throws `disk-full` when the disk is short: for whatever may wait until somebody has made room. */
  requireRoom(): void {
    if (this.#state.short) throw new PosternError('disk-full', `the disk has ${this.#state.free} bytes left`);
  }

  /** A write of the store failed, but not for want of space. */
  failed(): void {
    if (!this.#failing) this.#parts.log.error('the disk takes nothing: nothing is given until it does');
    this.#failing = true;
  }

  /** Once a second, and when a write failed for want of space. */
  look(): void {
    const { bytes, dir, log } = this.#parts;
    if (this.#failing && !this.#stopped && canWrite(dir)) {
      this.#failing = false;
      log.info('the disk takes writes again');
    }
    if (bytes === 0 || this.#stopped) return;
    const free = freeBytes(dir);
    const low = bytes / 4;
    const was = this.#state.short;
    // Beside a reserve in place a quarter of it is enough; without one there must be room for it, and as much to spare.
    const short = this.#holds ? free < low : this.#making === undefined && free < bytes + (was ? low : 0);
    this.#state = { free, short };
    if (short && this.#holds) {
      rmSync(this.#file, { force: true });
      this.#holds = false;
      this.#state = { free: freeBytes(dir), short };
    }
    if (short && !was) log.error({ free }, 'the disk is short: only owners are served, until there is room again');
    if (!short && was) log.info({ free }, 'the disk has room again');
    if (!short && !this.#holds) this.#making ??= this.#make();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#making;
  }

  async #make(): Promise<void> {
    try {
      rmSync(this.#file, { force: true });
      writeFileSync(this.#file, '', { mode: 0o600 });
      await allocate(this.#file, this.#parts.bytes);
      this.#holds = sizeOf(this.#file) === this.#parts.bytes;
    } catch (error) {
      rmSync(this.#file, { force: true });
      this.#parts.log.warn({ err: error }, 'the reserve of disk could not be set aside');
    } finally {
      this.#making = undefined;
    }
  }
}

/** fallocate(1) takes the blocks without writing them; where there is none they are written. */
async function allocate(file: string, bytes: number): Promise<void> {
  try {
    await promisify(execFile)('fallocate', ['-l', String(bytes), file], { timeout: 10_000 });
    return;
  } catch {
    // Another system, or a file system that cannot.
  }
  const handle = await open(file, 'w', 0o600);
  try {
    const chunk = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < bytes; at += chunk.length)
      await handle.write(chunk, 0, Math.min(chunk.length, bytes - at), at);
  } finally {
    await handle.close();
  }
}

function canWrite(dir: string): boolean {
  const file = join(dir, 'probe');
  try {
    writeFileSync(file, '.', { mode: 0o600, flush: true });
    rmSync(file);
    return true;
  } catch {
    return false;
  }
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

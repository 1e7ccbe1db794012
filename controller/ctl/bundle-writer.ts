/** A bundle of evidence as it is written: beside its place until it is whole, then there at once, as a folder or as one tar file. */

import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { beside } from '#shared/log/check-bundle.ts';
import { maxTarFileBytes, paddingOf, tarEnd, tarHeader } from '#shared/log/tar.ts';

/** Lines are written together. */
const flushBytes = 1024 * 1024;

export class BundleWriter {
  readonly #out: string;
  readonly #dir: string;
  readonly #packed: string | undefined;
  readonly #paths: string[] = [];
  /** Hex SHA-256 by path, of all but what stands beside the manifest. */
  readonly files: Record<string, string> = {};

  /** A name that ends in `.tar` is that of a file. Throws `conflict` for a place that is taken. */
  constructor(out: string) {
    this.#out = out;
    this.#dir = `${out}.partial`;
    this.#packed = out.endsWith('.tar') ? `${out}.packing` : undefined;
    for (const path of [out, this.#dir, ...(this.#packed === undefined ? [] : [this.#packed])])
      if (existsSync(path)) throw new PosternError('conflict', `${path} is there already`);
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  write(path: string, text: string): void {
    const file = this.open(path);
    file.add(text);
    file.end();
  }

  /** For what is too long for the memory. */
  open(path: string): { add(text: string): void; end(): void } {
    const file = join(this.#dir, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const fd = openSync(file, 'wx', 0o600);
    const sum = createHash('sha256');
    let waiting: Buffer[] = [];
    let length = 0;
    const flush = () => {
      const bytes = Buffer.concat(waiting);
      sum.update(bytes);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      waiting = [];
      length = 0;
    };
    return {
      add(text) {
        const bytes = Buffer.from(text);
        waiting.push(bytes);
        length += bytes.length;
        if (length >= flushBytes) flush();
      },
      end: () => {
        flush();
        closeSync(fd);
        this.#paths.push(path);
        if (!beside.includes(path)) this.files[path] = sum.digest('hex');
      },
    };
  }

  /** Where `check` finds what it is to look at; what it throws leaves nothing at the place. */
  finish(check: (path: string) => void): void {
    if (this.#packed !== undefined) this.#pack(this.#packed);
    const made = this.#packed ?? this.#dir;
    check(made);
    renameSync(made, this.#out);
    if (this.#packed !== undefined) this.discard();
  }

  /** All that was written and is not at its place. */
  discard(): void {
    rmSync(this.#dir, { recursive: true, force: true });
    if (this.#packed !== undefined) rmSync(this.#packed, { force: true });
  }

  /** What a reader needs first stands first. */
  #pack(packed: string): void {
    const first = beside.filter((path) => this.#paths.includes(path));
    const out = openSync(packed, 'wx', 0o600);
    const piece = Buffer.alloc(flushBytes);
    const put = (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(out, bytes, at);
    };
    try {
      for (const name of [...first, ...this.#paths.filter((path) => !first.includes(path))]) {
        const file = join(this.#dir, name);
        const { size, mtimeMs } = statSync(file);
        if (size > maxTarFileBytes)
          throw new PosternError(
            'conflict',
            `${name} is too large for a tar file: make a folder of it, or take a shorter period`,
          );
        put(tarHeader({ name, size, time: Math.floor(mtimeMs / second) }));
        const fd = openSync(file, 'r');
        try {
          for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) put(piece.subarray(0, read));
        } finally {
          closeSync(fd);
        }
        put(Buffer.alloc(paddingOf(size)));
      }
      put(tarEnd);
    } finally {
      closeSync(out);
    }
  }
}

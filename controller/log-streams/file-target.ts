/**
 * A file for what reads files, in `streams/NAME` of the state directory: no admin says where the controller writes. It is
 * `records.<extension>`; when it has reached its size it becomes `records-00000001.<extension>`, with the next number, and another is
 * begun. So many full ones are kept, the newest; 0 keeps all.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { RecordFormat } from '../log/formats/record-format.ts';
import { type Outcome, type Sender, type TargetSettings, Trouble } from './target.ts';

export interface FileTarget {
  readonly dir: string;
  readonly format: RecordFormat;
  readonly settings: TargetSettings;
}

export const usualMaxBytes = 64 * 1024 * 1024;
export const usualKeep = 10;
const blockBytes = 64 * 1024;

export class FileSender implements Sender {
  readonly #target: FileTarget;
  #fd: number | undefined;
  #bytes = 0;

  constructor(target: FileTarget) {
    this.#target = target;
  }

  async send(records: readonly AccessRecord[]): Promise<Outcome> {
    const { format, settings } = this.#target;
    try {
      const fd = this.#fd ?? this.#open();
      const bytes = Buffer.from((this.#bytes === 0 ? (format.head ?? '') : '') + format.lines(records));
      for (let done = 0; done < bytes.length; )
        done += writeSync(fd, bytes, done, bytes.length - done, this.#bytes + done);
      fdatasyncSync(fd);
      this.#bytes += bytes.length;
      if (this.#bytes >= (settings.maxBytes ?? usualMaxBytes)) this.#rotate();
      return { settled: records.length };
    } catch (error) {
      // What was half written is cut off at the next opening.
      this.close();
      throw new Trouble(`the file cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  get #path(): string {
    return join(this.#target.dir, `records.${this.#target.format.extension}`);
  }

  /** A process that was killed may have left half a line: it goes. */
  #open(): number {
    mkdirSync(this.#target.dir, { recursive: true, mode: 0o700 });
    const fd = openSync(this.#path, 'a+', 0o600);
    closeSync(fd);
    this.#fd = openSync(this.#path, 'r+');
    this.#bytes = wholeLines(this.#fd);
    ftruncateSync(this.#fd, this.#bytes);
    return this.#fd;
  }

  #rotate(): void {
    const { dir, format, settings } = this.#target;
    this.close();
    const full = readdirSync(dir)
      .filter((file) => file.endsWith(`.${format.extension}`) && numbered.test(file))
      .sort();
    const last = Number(numbered.exec(full.at(-1) ?? '')?.[1] ?? 0);
    const next = `records-${String(last + 1).padStart(8, '0')}.${format.extension}`;
    renameSync(this.#path, join(dir, next));
    const keep = settings.keep ?? usualKeep;
    if (keep === 0) return;
    for (const old of [...full, next].slice(0, -keep)) rmSync(join(dir, old), { force: true });
  }
}

const numbered = /^records-(\d{8,})\./;

/** Bytes up to the end of the last whole line. */
function wholeLines(fd: number): number {
  for (let end = fstatSync(fd).size; end > 0; ) {
    const from = Math.max(0, end - blockBytes);
    const block = Buffer.alloc(end - from);
    readSync(fd, block, 0, block.length, from);
    const at = block.lastIndexOf(0x0a);
    if (at >= 0) return from + at + 1;
    end = from;
  }
  return 0;
}

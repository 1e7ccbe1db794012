/**
 * The file of an export while it is written: `FILE.partial`, and beside it `FILE.partial.json`, which says how far it is whole. Only
 * what is complete gets its name, and what was cut short goes on where it stopped. With `.gz` every part is a gzip member of its own
 * (RFC 1952 section 2.2: members one after another are one file), so that a part is whole or not there.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { PosternError } from '#shared/base/errors.ts';

/** What an export asks for, and how far it has come. */
export interface ExportState {
  readonly format: string;
  readonly search: Readonly<Record<string, string | number>>;
  readonly after: number;
  /** Absent until the first page. */
  readonly through?: number;
  readonly records: number;
  /** Of the partial file; what is behind them was cut short. */
  readonly bytes: number;
}

const partialOf = (file: string): string => `${file}.partial`;
const stateOf = (file: string): string => `${file}.partial.json`;

export class ExportFile {
  readonly #file: string;
  readonly #fd: number;
  #state: ExportState;

  private constructor(file: string, flags: string, state: ExportState) {
    this.#file = file;
    this.#fd = openSync(partialOf(file), flags, 0o600);
    this.#state = state;
    ftruncateSync(this.#fd, state.bytes);
  }

  /** Throws `conflict` when there is a file of this name, or one half written. */
  static begin(file: string, order: Pick<ExportState, 'format' | 'search'>): ExportFile {
    if (existsSync(file)) throw new PosternError('conflict', `${file} is there already`);
    if (existsSync(partialOf(file))) {
      const help = existsSync(stateOf(file)) ? `go on with --resume, or remove it` : 'remove it';
      throw new PosternError('conflict', `${partialOf(file)} is there, an export that did not end: ${help}`);
    }
    return new ExportFile(file, 'wx+', { ...order, after: 0, records: 0, bytes: 0 });
  }

  /** Throws `not-found` when nothing was begun, or nothing of it is known to be whole. */
  static resume(file: string): ExportFile {
    if (!existsSync(partialOf(file)) || !existsSync(stateOf(file)))
      throw new PosternError('not-found', `there is no export to go on with at ${file}`);
    return new ExportFile(file, 'r+', JSON.parse(readFileSync(stateOf(file), 'utf8')) as ExportState);
  }

  get state(): ExportState {
    return this.#state;
  }

  /** Whole lines, up to the position `after`. On the disk when it returns. */
  append(text: string, step: { readonly after: number; readonly through: number; readonly records: number }): void {
    const plain = Buffer.from(text);
    const bytes = this.#file.endsWith('.gz') && plain.length > 0 ? gzipSync(plain) : plain;
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#state.bytes + done);
    fdatasyncSync(this.#fd);
    const { after, through, records } = step;
    const sum = { records: this.#state.records + records, bytes: this.#state.bytes + bytes.length };
    this.#state = { ...this.#state, after, through, ...sum };
    const told = stateOf(this.#file);
    writeFileSync(`${told}.new`, JSON.stringify(this.#state), { mode: 0o600, flush: true });
    renameSync(`${told}.new`, told);
  }

  finish(): void {
    closeSync(this.#fd);
    renameSync(partialOf(this.#file), this.#file);
    rmSync(stateOf(this.#file), { force: true });
  }
}

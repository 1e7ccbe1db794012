/**
 * The files of a spool directory: `<spool id>.spool`, and beside it `<spool id>.through` with what the controller has. The
 * segments of one writer are `<id>`, `<id>-00000001` and so on.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { randomId } from '#shared/base/bytes.ts';
import { decodeEnd, endBytes } from './spool-format.ts';

const ending = '.spool';
export const writerOf = (spool: string): string => spool.split('-', 1)[0]!;

export class SpoolDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  newSpool(): string {
    return `spl_${randomId(20)}`;
  }

  /** The next segment of the same writer. Segments sort in the order in which they were begun. */
  nextSegment(spool: string): string {
    const [writer, number = '0'] = spool.split('-');
    return `${writer}-${String(Number(number) + 1).padStart(8, '0')}`;
  }

  /** The segments of the writer of this one, in order. */
  segmentsOf(spool: string): string[] {
    const writer = writerOf(spool);
    return this.list().filter((other) => writerOf(other) === writer);
  }

  /** How a segment ends: whether its writer left it, and how many bytes of it are refusals as far as that tells. */
  readEnd(spool: string): { left: boolean; denials: number } {
    const fd = openSync(this.file(spool), 'r');
    try {
      const { size } = fstatSync(fd);
      const tail = Buffer.alloc(Math.min(size, endBytes));
      readSync(fd, tail, 0, tail.length, size - tail.length);
      const end = decodeEnd(tail);
      return { left: end !== undefined, denials: end?.denials ?? 0 };
    } finally {
      closeSync(fd);
    }
  }

  file(spool: string): string {
    return join(this.path, `${spool}${ending}`);
  }

  list(): string[] {
    const names = readdirSync(this.path).filter((name) => name.endsWith(ending));
    return names.map((name) => name.slice(0, -ending.length)).sort();
  }

  /** Bytes in use, by spool. A file that goes away meanwhile counts nothing. */
  sizes(): Map<string, number> {
    return new Map(
      this.list().map((spool) => [spool, statSync(this.file(spool), { throwIfNoEntry: false })?.size ?? 0]),
    );
  }

  /** The last sequence number that the controller confirmed. Losing it costs a second delivery, which changes nothing. */
  readThrough(spool: string): number {
    try {
      const seq = Number(readFileSync(this.#throughFile(spool), 'utf8'));
      return Number.isSafeInteger(seq) && seq > 0 ? seq : 0;
    } catch {
      return 0;
    }
  }

  writeThrough(spool: string, seq: number): void {
    const file = this.#throughFile(spool);
    writeFileSync(`${file}.new`, String(seq), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  remove(spool: string): void {
    rmSync(this.file(spool), { force: true });
    rmSync(this.#throughFile(spool), { force: true });
  }

  #throughFile(spool: string): string {
    return join(this.path, `${spool}.through`);
  }
}

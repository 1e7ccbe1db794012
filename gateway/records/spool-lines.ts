/**
 * The entries of one write, made into lines: few, for each has a checksum, and none so long that damage to it takes much. Into the same bytes each
 * time: as text the lines were copied five times on their way to the disk.
 */
import { checksum } from './spool-format.ts';

/** Characters after which the next entry begins a line of its own. */
const longest = 16 * 1024;
const usualBytes = 4 * longest;
/** Of UTF-8 for one character of a string. */
const mostBytes = 3;
const space = 0x20;
const newline = 0x0a;
/** The checksum and the space behind it. */
const headBytes = 9;

export class Lines {
  #bytes = Buffer.allocUnsafe(usualBytes);
  #length = 0;
  #entries = '';
  #count = 0;

  /** `entry`: JSON. */
  add(entry: string): void {
    if (this.#count > 0 && this.#entries.length + entry.length > longest) this.#endLine();
    this.#entries = this.#count === 0 ? entry : `${this.#entries},${entry}`;
    this.#count += 1;
  }

  /** All of them; to be used before the next is added. */
  end(): Buffer {
    if (this.#count > 0) this.#endLine();
    const whole = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    // What a full disk had kept waiting is no measure of what comes.
    if (whole.length > usualBytes) this.#bytes = Buffer.allocUnsafe(usualBytes);
    return whole;
  }

  #endLine(): void {
    const json = this.#count === 1 ? this.#entries : `[${this.#entries}]`;
    this.#makeRoom(headBytes + mostBytes * json.length + 1);
    const bytes = this.#bytes;
    const from = this.#length + headBytes;
    const to = from + bytes.write(json, from, 'utf8');
    bytes.write(checksum(bytes.subarray(from, to)), this.#length, 'latin1');
    bytes[from - 1] = space;
    bytes[to] = newline;
    this.#length = to + 1;
    this.#entries = '';
    this.#count = 0;
  }

  #makeRoom(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

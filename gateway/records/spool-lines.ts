/** The entries of one write, made into lines: few, for each has a checksum, and none so long that damage to it takes much. */
import { entryLine } from './spool-format.ts';

/** Characters after which the next entry begins a line of its own. */
const longest = 16 * 1024;

export class Lines {
  #text = '';
  #entries = '';
  #count = 0;

  add(entry: string): void {
    if (this.#count > 0 && this.#entries.length + entry.length > longest) this.#endLine();
    this.#entries = this.#count === 0 ? entry : `${this.#entries},${entry}`;
    this.#count += 1;
  }

  /** All of them. */
  end(): string {
    if (this.#count > 0) this.#endLine();
    return this.#text;
  }

  #endLine(): void {
    this.#text += entryLine(this.#entries, this.#count);
    this.#entries = '';
    this.#count = 0;
  }
}

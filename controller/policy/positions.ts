/** Offsets of a text as lines and columns, both from 1; columns count characters (code points), as editors show them. */

export interface Place {
  readonly line: number;
  readonly column: number;
  /** Characters that are at fault from there, on this line; at least 1. */
  readonly length: number;
  /** The line itself, cut around the place when it is long. */
  readonly source: string;
  /** Column in `source`; another than `column` when it was cut. */
  readonly sourceColumn: number;
}

const mostShown = 160;

export class Positions {
  readonly #text: string;
  /** Offset of the first character of each line. */
  readonly #lines: number[] = [0];

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lines.push(at + 1);
  }

  line(offset: number): number {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lines[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** `end` is exclusive; what stands on later lines is not counted. */
  place(start: number, end = start + 1): Place {
    const line = this.line(start);
    const from = this.#lines[line - 1]!;
    const to = this.#lines[line] === undefined ? this.#text.length : this.#lines[line]! - 1;
    const before = countCharacters(this.#text.slice(from, start));
    const length = Math.max(1, countCharacters(this.#text.slice(start, Math.min(end, to))));
    const whole = this.#text.slice(from, Math.min(to, start + mostShown * 2)).replace(/\r$/, '');
    const shown = cutAround(whole, before);
    return { line, column: before + 1, length, source: shown.text, sourceColumn: shown.at + 1 };
  }
}

const countCharacters = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

function cutAround(line: string, at: number): { text: string; at: number } {
  const characters = [...line];
  if (characters.length <= mostShown) return { text: line, at };
  const from = Math.max(0, Math.min(at - mostShown / 4, characters.length - mostShown));
  const text = characters.slice(from, from + mostShown).join('');
  const [left, right] = [from > 0 ? '...' : '', from + mostShown < characters.length ? '...' : ''];
  return { text: `${left}${text}${right}`, at: at - from + left.length };
}

/** The official engine counts UTF-8 bytes. Gives offsets of the text for them. */
export class ByteOffsets {
  readonly #text: string;
  readonly #isPlain: boolean;
  #bytes: Buffer | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#isPlain = Buffer.byteLength(text) === text.length;
  }

  offset(byte: number): number {
    if (this.#isPlain) return byte;
    this.#bytes ??= Buffer.from(this.#text);
    return this.#bytes.subarray(0, byte).toString().length;
  }
}

/** An answer that is kept back from the client, so that the caller can act on it and ask again. */
import type { KeptAnswer } from './forward-types.ts';

const maxKeptBytes = 64 * 1024;

export class KeptBack {
  readonly #status: number;
  readonly #headers: readonly string[];
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(status: number, headers: readonly string[]) {
    this.#status = status;
    this.#headers = headers;
  }

  /** False: it is larger than anything that is kept. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > maxKeptBytes) return false;
    this.#chunks.push(chunk);
    return true;
  }

  whole(): KeptAnswer {
    return { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) };
  }
}

/**
 * Writes an answer to the client in as few system calls as its timing allows: head and body in one when the app sent
 * them together, and yet at once, so that an event stream never waits for its next event.
 */
import type { ServerResponse } from 'node:http';

/** Above this a copy costs more than a second buffer in the same write. */
const maxJoined = 4096;

export class Answer {
  readonly #res: ServerResponse;
  /** A first small piece of body, until the end of this turn. */
  #held: Buffer | undefined;
  /** In the turn in which it began, and nothing but the head was given to Node. */
  #fresh = true;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  /** Node keeps the head until the first body bytes; at the end of this turn of the event loop it goes out alone. */
  head(status: number, headers: string[]): void {
    this.#res.writeHead(status, headers);
    if (begun.push(this) === 1) setImmediate(flushBegun);
  }

  /** False: wait for 'drain'. */
  data(chunk: Buffer): boolean {
    if (this.#fresh && this.#held === undefined && chunk.length <= maxJoined) {
      this.#held = chunk;
      return true;
    }
    this.#fresh = false;
    this.#writeHeld();
    return this.#res.write(chunk);
  }

  end(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#fresh = false;
    // As text of the same bytes it becomes one string with the head, and one write.
    if (held === undefined) this.#res.end();
    else this.#res.end(held.toString('latin1'), 'latin1');
  }

  flush(): void {
    if (this.#res.writableEnded || this.#res.destroyed) return;
    if (this.#fresh && this.#held === undefined) this.#res.flushHeaders();
    this.#fresh = false;
    this.#writeHeld();
  }

  #writeHeld(): void {
    if (this.#held === undefined) return;
    this.#res.write(this.#held);
    this.#held = undefined;
  }
}

/** Of this turn. Most of them have ended when it is over: one call looks at all. */
let begun: Answer[] = [];

function flushBegun(): void {
  const answers = begun;
  begun = [];
  for (const answer of answers) answer.flush();
}

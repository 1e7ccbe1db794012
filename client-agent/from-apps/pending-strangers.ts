/** Connections that have yet to prove themselves: few at a time, and not for long, so that they cannot crowd out this user's. */
import type { Socket } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import { sourceOf } from '#shared/base/source-of.ts';

const maxPending = 128;
const maxPerSource = 32;
const proofMs = 10 * second;

export class PendingStrangers {
  readonly #sources = new Map<string, number>();
  #size = 0;

  /** Undefined when there are too many already; else what to call when the connection has proven itself. */
  take(socket: Socket): (() => void) | undefined {
    const source = sourceOf(plainAddress(socket.remoteAddress ?? ''));
    const ofSource = this.#sources.get(source) ?? 0;
    if (this.#size >= maxPending || ofSource >= maxPerSource) return undefined;
    this.#size += 1;
    this.#sources.set(source, ofSource + 1);
    const limit = setTimeout(() => socket.destroy(), proofMs).unref();
    let pending = true;
    const done = () => {
      if (!pending) return;
      pending = false;
      clearTimeout(limit);
      this.#size -= 1;
      const left = this.#sources.get(source)! - 1;
      if (left === 0) this.#sources.delete(source);
      else this.#sources.set(source, left);
    };
    socket.once('close', done);
    return done;
  }
}

/**
 * One moment by which something must have happened, moved several times in each request. One timer serves all of a process: nearly
 * every deadline is set far off and cleared within a millisecond, and a timer of its own would be most of what it costs.
 */
import { Bag, type Placed } from '#shared/base/bag.ts';

/** Two looks are at least this far apart, however many fall due: one that was moved may be noticed this much late, never early. */
const leastGapMs = 20;

const pending = new Bag<Deadline>();
let timer: NodeJS.Timeout | undefined;
let firesAt = Number.POSITIVE_INFINITY;

export class Deadline implements Placed {
  /** For the bag only. */
  place = -1;
  readonly #owner: { onDue(): void };
  #ms = 0;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(owner: { onDue(): void }) {
    this.#owner = owner;
  }

  get dueAt(): number {
    return this.#dueAt;
  }

  /** Due in `ms` from now, whatever was set before; 0: never. */
  set(ms: number): void {
    if (ms <= 0) {
      this.clear();
      return;
    }
    const now = performance.now();
    this.#ms = ms;
    this.#dueAt = now + ms;
    if (this.place < 0) pending.add(this);
    if (this.#dueAt < firesAt) lookIn(ms, now);
  }

  /** The same span again, from now. */
  refresh(): void {
    if (this.#ms > 0) this.#dueAt = performance.now() + this.#ms;
  }

  /** The timer stays: what is set next is nearly always later still. */
  clear(): void {
    pending.delete(this);
    this.#ms = 0;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** For the timer only. Moved or cleared by what fell due before it in the same look, it does not. */
  fallDue(now: number): void {
    if (this.#dueAt > now) return;
    this.clear();
    this.#owner.onDue();
  }
}

function lookIn(ms: number, now: number): void {
  clearTimeout(timer);
  firesAt = now + ms;
  // What waits holds a socket, and it is that which keeps a process alive.
  timer = setTimeout(look, ms).unref();
}

function look(): void {
  timer = undefined;
  firesAt = Number.POSITIVE_INFINITY;
  const now = performance.now();
  let next = Number.POSITIVE_INFINITY;
  const due: Deadline[] = [];
  for (const deadline of pending.all()) {
    if (deadline.dueAt <= now) due.push(deadline);
    else if (deadline.dueAt < next) next = deadline.dueAt;
  }
  if (next !== Number.POSITIVE_INFINITY) lookIn(Math.max(Math.ceil(next - now), leastGapMs), now);
  for (const deadline of due) deadline.fallDue(now);
}

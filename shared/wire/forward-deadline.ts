/**
 * One moment by which something must have happened, moved several times in each request. A timer that fires too early
 * looks again, so that moving the moment later, which is nearly every move, costs a subtraction and not a new timer.
 */
export class Deadline {
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #ms = 0;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** Due in `ms` from now, whatever was set before; 0: never. */
  set(ms: number): void {
    this.#ms = ms;
    this.#dueAt = ms > 0 ? performance.now() + ms : Number.POSITIVE_INFINITY;
    if (this.#dueAt < this.#firesAt) this.#start(ms);
  }

  /** The same span again, from now. */
  refresh(): void {
    if (this.#ms > 0) this.#dueAt = performance.now() + this.#ms;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ms = 0;
    this.#firesAt = Number.POSITIVE_INFINITY;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  #start(ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(onTimer, ms, this);
  }

  /** For the timer only. */
  check(): void {
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
    if (this.#dueAt === Number.POSITIVE_INFINITY) return;
    // A timer may fire a fraction of a millisecond early.
    const left = Math.ceil(this.#dueAt - performance.now());
    if (left > 0) this.#start(left);
    else this.#onDue();
  }
}

function onTimer(deadline: Deadline): void {
  deadline.check();
}

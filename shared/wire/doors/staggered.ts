/**
 * Several ways to one thing, each with a head start before the next (as RFC 8305 has it for addresses): the first that succeeds
 * wins, and the others are given up. One that fails lets the next begin at once.
 */

/** Calls `then` after `ms`; returns the way to call it off. */
export type Wait = (ms: number, then: () => void) => () => void;

export const systemWait: Wait = (ms, then) => {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
};

export interface StaggeredOptions<T> {
  /** Of the one with this index before the next. */
  readonly headStartMs: (index: number) => number;
  readonly signal: AbortSignal;
  readonly wait?: Wait | undefined;
  /** For what succeeded too late. */
  readonly discard: (value: T) => void;
  /** No other can do better. */
  readonly isFinal?: (error: unknown) => boolean;
}

/** Its signal aborts when it is given up. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/** `attempts` is asked for the next one only when it is to begin. Rejects with the last error, or the signal's reason. */
export function staggered<T>(attempts: Iterable<Attempt<T>>, options: StaggeredOptions<T>): Promise<T> {
  const { signal, wait = systemWait, headStartMs, discard, isFinal = () => false } = options;
  const stop = new AbortController();
  const iterator = attempts[Symbol.iterator]();
  return new Promise<T>((resolve, reject) => {
    let index = -1;
    let running = 0;
    let isSettled = false;
    let isExhausted = false;
    let lastError: unknown = new Error('there is no way to try');
    let callOff = () => {};
    const settle = (end: () => void, reason: unknown) => {
      if (isSettled) return;
      isSettled = true;
      callOff();
      signal.removeEventListener('abort', onAbort);
      end();
      stop.abort(reason);
    };
    const onAbort = () => settle(() => reject(signal.reason), signal.reason);
    const fail = () => settle(() => reject(lastError), lastError);
    const next = () => {
      callOff();
      if (isSettled || isExhausted) return;
      const { done, value } = iterator.next();
      if (done === true) {
        isExhausted = true;
        if (running === 0) fail();
        return;
      }
      index += 1;
      running += 1;
      callOff = wait(headStartMs(index), next);
      value(stop.signal).then(won, lost);
    };
    const won = (value: T) => {
      running -= 1;
      if (isSettled) discard(value);
      else settle(() => resolve(value), new Error('another way was quicker'));
    };
    const lost = (error: unknown) => {
      running -= 1;
      if (isSettled) return;
      lastError = error;
      if (isFinal(error)) fail();
      else if (!isExhausted) next();
      else if (running === 0) fail();
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    next();
  });
}

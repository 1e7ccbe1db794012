/** Time is an argument. Only `wiring.ts` files hand out the system clock. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Milliseconds since no known moment, the same for all processes of a machine. Nobody can set it; it may stand still in sleep. */
const steadyClock: Clock = { now: () => Math.floor(steadyAtStart + performance.now()) };

// `performance.now` goes by the same clock as `hrtime`, at a third of the price, but counts from the start of the process.
const steadyAtStart = Number(process.hrtime.bigint()) / 1_000_000 - performance.now();

/** The steady companion of a clock: of a test's clock that clock itself. */
export const steadyOf = (clock: Clock): Clock => (clock === systemClock ? steadyClock : clock);

export const seconds = (ms: number): number => Math.floor(ms / 1000);

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Rungs from first to last, each with a head start before the next; the first that leads to TLS wins. */
import { type Clock, second } from '../../base/clock.ts';
import type { DialRung } from './dial-rung.ts';
import type { KnockSource } from './knock-source.ts';
import { type Leg, LegError, type LegFailure } from './leg-failure.ts';
import type { ProxyPlace } from './proxy-of.ts';
import type { Destroyable, Place, Secure } from './reach.ts';
import { isPointless, type Rung, rungName } from './rungs.ts';
import { type Attempt, staggered, type Wait } from './staggered.ts';
import { lateOn, tryRung } from './try-rung.ts';

export interface ClimbOrder<T extends Destroyable> {
  readonly rungs: readonly Rung[];
  readonly to: Place;
  readonly secure: Secure<T>;
  readonly source: KnockSource | undefined;
  readonly proxy: ProxyPlace | undefined;
  readonly dial: DialRung;
  readonly wait: Wait;
  readonly steady: Clock;
  readonly signal: AbortSignal;
  readonly withinMs?: number | undefined;
}

export type Climbed<T> = { readonly failures: readonly LegFailure[] } & (
  | { readonly value: T; readonly rung: Rung }
  | { readonly error: unknown }
);

/** Before the next rung is tried beside it. */
export const headStartMs = 0.7 * second;

interface Running {
  readonly begun: number;
  leg: Leg;
}

/** Never rejects. */
export async function climb<T extends Destroyable>(order: ClimbOrder<T>): Promise<Climbed<T>> {
  const { rungs, to, wait, steady, signal, withinMs = Number.POSITIVE_INFINITY } = order;
  const startMs = Math.min(headStartMs, withinMs / (rungs.length + 1));
  const running = new Map<Rung, Running>();
  const failed: { rung: Rung; failure: LegFailure }[] = [];
  const fail = (rung: Rung, { leg, how, message }: LegError, { begun }: Running) => {
    running.delete(rung);
    const afterMs = Math.round(steady.now() - begun);
    failed.push({ rung, failure: { rung: rungName(rung), leg, how, detail: message, afterMs } });
  };
  let won: Rung | undefined;
  const attempt =
    (rung: Rung): Attempt<T> =>
    async (stop) => {
      const now: Running = { begun: steady.now(), leg: 'connect' };
      running.set(rung, now);
      const onLeg = (leg: Leg) => {
        now.leg = leg;
      };
      try {
        const value = await tryRung({ ...order, rung, signal: stop, onLeg });
        running.delete(rung);
        won ??= rung;
        return value;
      } catch (error) {
        if (!stop.aborted && error instanceof LegError) fail(rung, error, now);
        throw error;
      }
    };
  function* attempts() {
    for (const rung of rungs) if (!isPointless(rung, failed)) yield attempt(rung);
  }
  const failures = () => failed.map(({ failure }) => failure);
  try {
    const options = { headStartMs: () => startMs, signal, wait, discard: (late: T) => late.destroy() };
    const value = await staggered(attempts(), options);
    // What was still on its way when another led there is told as well: that it was late is why.
    for (const [rung, now] of running) {
      const ms = Math.round(steady.now() - now.begun);
      if (ms >= startMs / 2) fail(rung, new LegError(now.leg, 'outrun', lateOn(now.leg, rung, to, ms)), now);
    }
    return { value, rung: won!, failures: failures() };
  } catch (error) {
    // The caller's time is up: each rung that was on its way has failed where it was.
    for (const [rung, now] of signal.aborted ? running : []) {
      const ms = Math.round(steady.now() - now.begun);
      fail(rung, new LegError(now.leg, 'timeout', lateOn(now.leg, rung, to, ms)), now);
    }
    return { error, failures: failures() };
  }
}

/**
 * Looks at the device again and again, so that a change during a session is told within one look (the quick facts) or one
 * long round (those that cost seconds of work).
 */
import type { Log } from '#shared/base/log.ts';
import { type PostureCheck, type ReportedFactKey, reportedFactKeys } from '#shared/contracts/posture.ts';
import { type CollectedCheck, runChecks } from './checks.ts';
import { type CollectedFact, collect } from './collect.ts';
import type { Host } from './host.ts';

export interface Posture {
  readonly facts: readonly CollectedFact[];
  readonly checks: readonly CollectedCheck[];
}

export interface WatchOptions {
  readonly host: Host;
  readonly log: Log;
  /** The checks in force now, as the controller last sent them. */
  readonly checks: () => readonly PostureCheck[];
  readonly allowListFile?: string;
  /** Between two looks at the quick facts, in ms. */
  readonly quickMs: number;
  /** Between two looks at everything, in ms. */
  readonly fullMs: number;
  /** Told after every look. `changed`: some value or status differs from the last look that was taken without an error (true for the first). */
  readonly onLook: (posture: Posture, changed: boolean) => void | Promise<void>;
}

export interface PostureWatch {
  /** Looks at everything now (`posture-wanted`, a wake-up, `postern posture`); waits for a look that is under way. */
  lookNow(): Promise<Posture>;
  /** The last look, or undefined before the first. */
  last(): Posture | undefined;
  stop(): Promise<void>;
}

/** Package managers and update agents work for seconds and their answers change by the hour. */
const slowFacts: readonly ReportedFactKey[] = ['osUpdated', 'patchAgeDays'];
const quickFacts = reportedFactKeys.filter((fact) => !slowFacts.includes(fact));

/** Starts with a full look at once. */
export function watchPosture(options: WatchOptions): PostureWatch {
  const { host, log } = options;
  let last: Posture | undefined;
  /** What `onLook` has taken: if it fails (no controller), the change is told again at the next look. */
  let told: Posture | undefined;
  let lastFull = Number.NEGATIVE_INFINITY;
  let queue: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const look = async (full: boolean): Promise<Posture> => {
    const { allowListFile } = options;
    const [facts, checks] = await Promise.all([
      collect(full ? { host } : { host, only: quickFacts }),
      runChecks({ host, checks: options.checks(), ...(allowListFile === undefined ? {} : { allowListFile }) }),
    ]);
    const before = last;
    const now: Posture = { facts: full || before === undefined ? facts : merge(before.facts, facts), checks };
    if (full) lastFull = host.now();
    last = now;
    if (stopped) return now;
    await options.onLook(now, told === undefined || differ(told, now));
    told = now;
    return now;
  };
  const inTurn = (full: () => boolean): Promise<Posture> => {
    const turn = queue.then(() => look(full()));
    queue = turn.catch((error: unknown) => log.error({ err: error }, 'a look at the posture failed'));
    return turn;
  };
  const again = (): void => {
    if (stopped) return;
    // A clock that was set back would put the next full look far off.
    const due = () => host.now() - lastFull >= options.fullMs || host.now() < lastFull;
    void inTurn(due).catch(() => undefined);
    void queue.then(() => {
      if (!stopped) timer = setTimeout(again, options.quickMs);
    });
  };
  again();
  return {
    lookNow: () => inTurn(() => true),
    last: () => last,
    stop: async () => {
      stopped = true;
      await queue;
      clearTimeout(timer);
    },
  };
}

function merge(before: readonly CollectedFact[], fresh: readonly CollectedFact[]): CollectedFact[] {
  const newer = new Map(fresh.map((fact) => [fact.fact, fact]));
  return before.map((fact) => newer.get(fact.fact) ?? fact);
}

/** Whether a decision could come out otherwise: values and states, not ages and details. */
function differ(a: Posture, b: Posture): boolean {
  const key = ({ facts, checks }: Posture) =>
    JSON.stringify([
      facts.map(({ fact, value, status }) => [fact, value, status]),
      checks.map(({ id, status }) => [id, status]),
    ]);
  return key(a) !== key(b);
}

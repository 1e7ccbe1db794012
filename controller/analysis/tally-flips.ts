/** Adds recorded verdicts up that were judged again: the same, flipped by person, app and policy, or undetermined and why. */
import type { Flip, FlipGroup, ReplayResult, UndeterminedReason } from '#shared/contracts/admin-analysis.ts';
import type { MissingPart } from '../policy/judge-partly.ts';
import type { JudgedAgain } from './judge-again.ts';
import type { RecordedVerdict, Unreadable } from './read-verdict.ts';

type Tallied<T> = { -readonly [K in keyof T]: T[K] };
type Sums = Omit<ReplayResult, 'from' | 'to' | 'draft' | 'questions'>;

/** Groups held at once; what does not fit is counted. */
const mostGroups = 20_000;
const tracesOfGroup = 3;

const reasonsOfParts: readonly (readonly [MissingPart, UndeterminedReason])[] = [
  ['request.query', 'query'],
  ['request.path', 'path'],
  ['request', 'request'],
  ['network', 'network'],
];

export class FlipTally {
  readonly #groups = new Map<string, Tallied<FlipGroup>>();
  readonly #undetermined = new Map<UndeterminedReason, number>();
  readonly #flips: Flip[] = [];
  readonly #limit: number;
  readonly #counts = { verdicts: 0, same: 0, allowToDeny: 0, denyToAllow: 0, narrower: 0, otherRecords: 0 };
  #ungrouped = 0;

  /** `limit`: how many flips are listed singly. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  other(): void {
    this.#counts.otherRecords += 1;
  }

  unreadable(reason: Unreadable | 'version' | 'record', verdicts = 1): void {
    this.#counts.verdicts += verdicts;
    this.#leaveOpen(reason, verdicts);
  }

  /**
   * `byItsVersion` is asked where something differs: what the version of its own time says to what was recorded; undefined
   * when that version is gone. A difference that is there without the draft is none of the draft's. Left out when that
   * version is what judges.
   */
  add(recorded: RecordedVerdict, judged: JudgedAgain, byItsVersion?: () => JudgedAgain | undefined): void {
    this.#counts.verdicts += 1 + recorded.merged;
    if (recorded.merged > 0) this.#leaveOpen('merged', recorded.merged);
    const outcome = compare(recorded, judged, byItsVersion);
    if (outcome === 'same') this.#counts.same += 1;
    else if (outcome === 'flip') this.#flip(recorded, judged);
    else this.#leaveOpen(outcome);
    if (outcome === 'same' && judged.partly && byItsVersion?.()?.partly === false) this.#counts.narrower += 1;
  }

  sums(): Sums {
    const flips = this.#counts.allowToDeny + this.#counts.denyToAllow;
    const undeterminedBy = Array.from(this.#undetermined, ([reason, count]) => ({ reason, count }));
    return {
      ...this.#counts,
      undetermined: undeterminedBy.reduce((sum, { count }) => sum + count, 0),
      undeterminedBy: undeterminedBy.sort((a, b) => b.count - a.count),
      groups: [...this.#groups.values()].sort((a, b) => b.count - a.count),
      ungrouped: this.#ungrouped,
      flips: this.#flips,
      moreFlips: flips - this.#flips.length,
    };
  }

  #leaveOpen(reason: UndeterminedReason, verdicts = 1): void {
    this.#undetermined.set(reason, (this.#undetermined.get(reason) ?? 0) + verdicts);
  }

  #flip(recorded: RecordedVerdict, judged: JudgedAgain): void {
    const flip = describe(recorded, judged);
    this.#counts[flip.direction === 'allow-to-deny' ? 'allowToDeny' : 'denyToAllow'] += 1;
    if (this.#flips.length < this.#limit) this.#flips.push(flip);
    const { direction, person, app, time, trace, now } = flip;
    const policies = now.policies.length > 0 ? now.policies : flip.recorded.policies;
    const key = JSON.stringify([direction, person, app, now.reason, policies]);
    const group = this.#groups.get(key);
    if (group !== undefined) {
      group.count += 1;
      group.first = Math.min(group.first, time);
      group.last = Math.max(group.last, time);
      if (group.traces.length < tracesOfGroup) group.traces.push(trace);
    } else if (this.#groups.size >= mostGroups) this.#ungrouped += 1;
    else {
      const span = { first: time, last: time };
      this.#groups.set(key, {
        direction,
        person,
        app,
        policies,
        reason: now.reason,
        count: 1,
        ...span,
        traces: [trace],
      });
    }
  }
}

function compare(
  recorded: RecordedVerdict,
  judged: JudgedAgain,
  byItsVersion: (() => JudgedAgain | undefined) | undefined,
): 'same' | 'flip' | UndeterminedReason {
  if (judged.verdict === 'unknown') return reasonOf(judged.missing);
  if (judged.verdict === recorded.verdict) return 'same';
  if (byItsVersion === undefined) return 'flip';
  const before = byItsVersion();
  if (before === undefined) return 'version';
  // What it cannot tell from what is left of the facts contradicts nothing.
  return before.verdict === recorded.verdict || before.verdict === 'unknown' ? 'flip' : 'not-reproduced';
}

function describe({ kind, record, policies, person, app, request, at }: RecordedVerdict, judged: JudgedAgain): Flip {
  const { device, trace, epoch, reasons } = record;
  const asked = request && (request.operation === '' ? `${request.method} ${request.path}` : request.operation);
  return {
    direction: judged.verdict === 'allow' ? 'deny-to-allow' : 'allow-to-deny',
    kind,
    time: at,
    trace,
    person,
    ...(device === undefined ? {} : { device }),
    app: app.id,
    ...(asked === undefined ? {} : { request: asked }),
    ...(epoch === undefined ? {} : { epoch }),
    recorded: { reason: reasons[0] ?? '', policies: [...policies] },
    now: { reason: judged.reasons[0] ?? '', policies: [...judged.policies] },
  };
}

/** Of several parts the first in the table; everything that only a snapshot tells is `facts`. */
function reasonOf(missing: readonly MissingPart[]): UndeterminedReason {
  return reasonsOfParts.find(([part]) => missing.includes(part))?.[1] ?? 'facts';
}

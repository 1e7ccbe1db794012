/** Judges decisions again by a draft, as they come, and adds up where it disagrees. In the draft's own thread; whatever breaks here broke for nobody. */

import { Judge } from '../analysis/judge-again.ts';
import { type RecordedVerdict, readVerdict } from '../analysis/read-verdict.ts';
import type { Decided } from '../grants/record-decision.ts';
import type { PolicySet } from '../policy/policy-set.ts';

export interface Disagreement {
  readonly direction: 'allow-to-deny' | 'deny-to-allow';
  readonly person: string;
  readonly app: string;
  readonly reason: string;
  /** What decides in the draft; where nothing permits any more, what permits now. */
  readonly policies: readonly string[];
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** Of the last. */
  readonly trace: string;
}

export interface ShadowSums {
  readonly judged: number;
  readonly disagreed: number;
  readonly undetermined: number;
  readonly failed: number;
  readonly disagreements: readonly Disagreement[];
}

type Counted = { -readonly [K in keyof Disagreement]: Disagreement[K] };

/** Kept between two times that they are taken. */
const mostKept = 10_000;

export class ShadowJudge {
  readonly #judge: Judge;
  #sums = { judged: 0, disagreed: 0, undetermined: 0, failed: 0 };
  #disagreements = new Map<string, Counted>();

  constructor(set: PolicySet) {
    this.#judge = new Judge(set);
  }

  /** Never throws. */
  add(decided: Decided): void {
    try {
      this.#compare(decided);
    } catch {
      this.#sums.failed += 1;
    }
  }

  /** What came since it was last asked. */
  take(): ShadowSums {
    const taken = { ...this.#sums, disagreements: [...this.#disagreements.values()] };
    this.#sums = { judged: 0, disagreed: 0, undetermined: 0, failed: 0 };
    this.#disagreements = new Map();
    return taken;
  }

  #compare({ record, facts, request }: Decided): void {
    const read = readVerdict(record);
    if (read === undefined || typeof read === 'string') return;
    // Here the request is known whole, with its query.
    const whole: RecordedVerdict = request === undefined ? read : { ...read, request, missing: [] };
    const judged = this.#judge.judge(whole, { facts, scopes: new Map(), answers: new Map() });
    this.#sums.judged += 1;
    if (judged.verdict === 'unknown') this.#sums.undetermined += 1;
    else if (judged.verdict !== record.verdict) {
      this.#sums.disagreed += 1;
      const policies = judged.policies.length > 0 ? judged.policies : (record.policies ?? []);
      this.#count(whole, judged.verdict, judged.reasons[0] ?? '', policies);
    }
  }

  #count(
    { person, app, at, record }: RecordedVerdict,
    verdict: string,
    reason: string,
    policies: readonly string[],
  ): void {
    const direction = verdict === 'allow' ? 'deny-to-allow' : 'allow-to-deny';
    const key = JSON.stringify([direction, person, app.id, reason, policies]);
    const known = this.#disagreements.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.last = at;
      known.trace = record.trace;
    } else if (this.#disagreements.size < mostKept) {
      const { trace } = record;
      this.#disagreements.set(key, {
        direction,
        person,
        app: app.id,
        reason,
        policies,
        count: 1,
        first: at,
        last: at,
        trace,
      });
    }
  }
}

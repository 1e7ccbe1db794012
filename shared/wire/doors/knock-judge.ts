/** One door's answer to a knock: judged, its counter kept, counted. Every listener of a door asks the same one. */
import { type Clock, steadyOf } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { KnockReason } from '../../contracts/knock.ts';
import { judgeKnock, type KnockRules, type KnockVerdict } from './judge-knock.ts';
import type { KnockCounts } from './knock-counts.ts';
import type { ReplayMemory } from './replay-memory.ts';

export interface KnockJudgeOptions extends Omit<KnockRules, 'source' | 'remembersSince'> {
  readonly memory: ReplayMemory;
  readonly counts: KnockCounts;
  /** Controller time. */
  readonly clock: Clock;
  readonly log: Log;
  /** Whoever asks gives what is of no key here to another door, and counts what that one does not take. */
  readonly passesOn?: boolean | undefined;
}

export class KnockJudge {
  readonly #options: KnockJudgeOptions;
  readonly #steady: Clock;

  constructor(options: KnockJudgeOptions) {
    this.#options = options;
    this.#steady = steadyOf(options.clock);
  }

  /** Never throws and never rejects: whatever goes wrong is a refusal. */
  async judge(bytes: Buffer, observed: string, source: KnockRules['source']): Promise<KnockVerdict> {
    const { memory, clock, counts } = this.#options;
    const rules = { ...this.#options, source, remembersSince: memory.since };
    const verdict = judgeKnock(bytes, observed, clock.now(), rules);
    if (!verdict.ok && verdict.reason === 'unknown-key' && this.#options.passesOn === true) return verdict;
    if (!verdict.ok) return this.#refuse(verdict.reason, observed, verdict);
    const reason = await this.#keepCounter(verdict.credential.id, verdict.knock.counter);
    if (reason !== undefined) return this.#refuse(reason, observed, verdict);
    counts.good();
    return verdict;
  }

  /** Of what never became a knock. */
  count(reason: KnockReason, address: string): void {
    this.#options.counts.refused(reason, address, this.#steady.now());
  }

  async #keepCounter(key: string, counter: number): Promise<KnockReason | undefined> {
    try {
      return (await this.#options.memory.accept(key, counter)) ? undefined : 'replayed';
    } catch (error) {
      this.#options.log.error({ err: error }, 'a good knock is refused: its counter cannot be kept');
      return 'memory-failed';
    }
  }

  #refuse(reason: KnockReason, observed: string, { credential }: Pick<KnockVerdict, 'credential'>): KnockVerdict {
    this.#options.counts.refused(reason, observed, this.#steady.now(), credential?.client);
    return { ok: false, reason, credential };
  }
}

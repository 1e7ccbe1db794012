/** Judges drafts in a worker: reading 5,000 policies takes seconds. */
import { PosternError } from '#shared/base/errors.ts';
import { OneWorker } from '../one-worker.ts';
import type { Judged, PolicyDraft } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';
import type { JudgeAnswer, JudgeOrder } from './judge-worker.ts';

/**
 * `first`: before all others that wait. Throws `policy-invalid` when the draft breaks the engine, `policy-too-slow` when it takes too
 * long or too much memory, `conflict` when too many wait.
 */
export type Judge = (draft: PolicyDraft, known?: Known, first?: boolean) => Promise<Judged>;

/** Whoever may have drafts validated must not keep others from publishing for hours. */
const mostWaiting = 16;

export class PolicyJudge {
  readonly #worker: OneWorker<JudgeOrder, JudgeAnswer, Judged>;

  constructor({ mostMs }: { readonly mostMs?: number } = {}) {
    const file = new URL('./judge-worker.ts', import.meta.url);
    this.#worker = new OneWorker({ file, what: 'a draft', mostMs, mostWaiting, read: readAnswer });
  }

  readonly judge: Judge = (draft, known, first) => this.#worker.ask({ draft, known }, first);

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}

function readAnswer({ judged, failed }: JudgeAnswer): Judged {
  if (judged !== undefined) return judged;
  const tell = 'The engine cannot read this policy.';
  throw new PosternError('policy-invalid', `the engine broke on a draft: ${failed}`, { tell });
}

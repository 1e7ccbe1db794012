/** Judges drafts in a worker: reading 5,000 policies takes seconds. */
import { PosternError } from '#shared/base/errors.ts';
import { OneWorker } from '../one-worker.ts';
import type { Judged, PolicyDraft } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';
import type { JudgeAnswer, JudgeOrder } from './judge-worker.ts';

/** Throws `policy-invalid` when the draft breaks the engine, `policy-too-slow` when it takes too long or too much memory. */
export type Judge = (draft: PolicyDraft, known?: Known) => Promise<Judged>;

export class PolicyJudge {
  readonly #worker: OneWorker<JudgeOrder, JudgeAnswer, Judged>;

  constructor({ mostMs }: { readonly mostMs?: number } = {}) {
    const file = new URL('./judge-worker.ts', import.meta.url);
    this.#worker = new OneWorker({ file, what: 'a draft', mostMs, read: readAnswer });
  }

  readonly judge: Judge = (draft, known) => this.#worker.ask({ draft, known });

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}

function readAnswer({ judged, failed }: JudgeAnswer): Judged {
  if (judged !== undefined) return judged;
  const tell = 'The engine cannot read this policy.';
  throw new PosternError('policy-invalid', `the engine broke on a draft: ${failed}`, { tell });
}

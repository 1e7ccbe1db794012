/** The worker in which drafts are judged: the official engine and everything slow about policies are here, away from whoever waits. */
import { parentPort } from 'node:worker_threads';
import { asPosternError } from '#shared/base/errors.ts';
import { type Judged, judgeDraft, type PolicyDraft } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';

export interface JudgeOrder {
  readonly draft: PolicyDraft;
  readonly known: Known | undefined;
}

export interface JudgeAnswer {
  readonly judged?: Judged;
  readonly failed?: string;
}

const answer = (given: JudgeAnswer) => parentPort?.postMessage(given);

parentPort?.on('message', ({ draft, known }: JudgeOrder) => {
  try {
    answer({ judged: judgeDraft(draft, known) });
  } catch (error) {
    // The engine may be broken from here on: whoever asked ends this worker.
    answer({ failed: asPosternError(error).message });
  }
});

/** The worker in which drafts are judged: the official engine and everything slow about policies are here, away from whoever waits. */
import { parentPort } from 'node:worker_threads';
import { asPosternError } from '#shared/base/errors.ts';
import type { PolicyDraft } from '../policy/judge-draft.ts';
import { judgeDraft } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';

export interface JudgeOrder {
  readonly draft: PolicyDraft;
  readonly known: Known | undefined;
}

parentPort?.on('message', ({ draft, known }: JudgeOrder) => {
  try {
    parentPort?.postMessage({ judged: judgeDraft(draft, known) });
  } catch (error) {
    // The engine may be broken from here on: whoever asked ends this worker.
    parentPort?.postMessage({ failed: asPosternError(error).message });
  }
});

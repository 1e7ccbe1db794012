/** The thread of a draft that runs beside the version in force. What it does, and how long it takes, changes no decision. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Decided } from '../grants/record-decision.ts';
import { compilePolicies } from '../policy/compile-policies.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import { ShadowJudge, type ShadowSums } from './shadow-judge.ts';

/** `taken`: decisions behind it since its last word. */
export type ShadowWord =
  | { readonly t: 'ready' }
  | { readonly t: 'unreadable'; readonly message: string }
  | ({ readonly t: 'sums'; readonly taken: number } & ShadowSums);

export type ShadowOrder = { readonly t: 'decided'; readonly decided: Decided } | { readonly t: 'tell' };

const { set, problems } = compilePolicies((workerData as { files: readonly PolicyFile[] }).files, 0);
const say = (word: ShadowWord) => parentPort?.postMessage(word);

if (set === undefined) say({ t: 'unreadable', message: problems[0]?.message ?? 'the draft cannot be read' });
else {
  const judge = new ShadowJudge(set);
  let taken = 0;
  parentPort?.on('message', (order: ShadowOrder) => {
    if (order.t === 'decided') {
      judge.add(order.decided);
      taken += 1;
    } else {
      say({ t: 'sums', taken, ...judge.take() });
      taken = 0;
    }
  });
  say({ t: 'ready' });
}

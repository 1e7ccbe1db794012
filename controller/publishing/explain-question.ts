/** A question answered in full, as what-if tells it: by the version in force or by a draft. */
import type { ExplanationShown } from '#shared/contracts/admin-explain.ts';
import type { App } from '#shared/contracts/app.ts';
import type { GrantUse } from '#shared/contracts/grant.ts';
import type { PostureCheck } from '#shared/contracts/posture.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { isOnceRequest } from '../grants/judge-ask.ts';
import type { Verdict } from '../policy/decide.ts';
import { couldAllow } from '../policy/decide-partly.ts';
import type { Question } from '../policy/facts.ts';
import { findFixes } from '../policy/fixes.ts';
import { explainFully } from '../policy/full-explanation.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { ruleOn } from '../policy/what-rules.ts';

export interface ExplainedQuestion extends Verdict {
  /** Of an allow: `once` when it would be granted for one use (P18). */
  readonly use?: GrantUse;
  /** What the person would be told of a deny. */
  readonly fixes: readonly Fix[];
  readonly explanation: ExplanationShown;
}

const onceWords = 'granted for one use: one request or connection at one gateway, and each asks anew';

/** `question`: of any request of the app, or of a whole one. */
export function explainQuestion(
  set: PolicySet | undefined,
  question: Question,
  app: App,
  checks: readonly PostureCheck[],
): ExplainedQuestion {
  const verdict = couldAllow(set, question);
  const operations = app.kind === 'http' ? app.operations : undefined;
  const forOne = question.request !== undefined && isOnceRequest(app, question.request);
  const use = set === undefined || verdict.verdict === 'deny' ? undefined : ruleOn(set, { ...question, forOne }).use;
  const explanation = explainFully(set, question, verdict, { checks, operations });
  return {
    ...verdict,
    ...(use === undefined ? {} : { use }),
    fixes: verdict.verdict === 'allow' ? [] : findFixes(set, question, checks),
    explanation: use === 'once' ? { ...explanation, words: [...explanation.words, onceWords] } : explanation,
  };
}

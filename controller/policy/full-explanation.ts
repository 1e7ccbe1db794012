/** An explanation as the admin API tells it: with the smallest changes when they are asked for, and all of it in words. */
import type { ExplanationShown } from '#shared/contracts/admin-explain.ts';
import { type SearchFacts, searchChanges } from './admin-search.ts';
import type { Verdict } from './decide.ts';
import { explainVerdict } from './explain.ts';
import { adminWords } from './explain-words.ts';
import type { Question } from './facts.ts';
import type { PolicySet } from './policy-set.ts';

/** Characters of one value or line; a person in hundreds of groups has longer ones. */
const maxText = 1000;
const cut = (text: string): string => (text.length > maxText ? `${text.slice(0, maxText - 3)}...` : text);

/** `verdict`: of these policies for this question. `search`: for a deny, when changes are wanted. */
export function explainFully(
  set: PolicySet | undefined,
  question: Question,
  verdict: Verdict,
  search?: SearchFacts,
): ExplanationShown {
  const explanation = explainVerdict(set, question, verdict);
  const isSearched = search !== undefined && set !== undefined && verdict.verdict === 'deny';
  const found = isSearched ? searchChanges(set, question, search) : undefined;
  const sets = found?.sets.map((changes) => changes.map(({ kind, by, text }) => ({ kind, by, text: cut(text) })));
  return {
    policies: explanation.policies.map((note) => ({
      ...note,
      conditions: note.conditions.map(({ error, ...rest }) => ({
        ...rest,
        ...(error === undefined ? {} : { error: cut(error) }),
      })),
    })),
    facts: explanation.facts.map(({ value, wanted, ...rest }) => ({
      ...rest,
      value: cut(value),
      wanted: wanted.map(({ text, ...each }) => ({ ...each, text: cut(text) })),
    })),
    ...(found === undefined || sets === undefined ? {} : { changes: { sets, complete: found.complete } }),
    words: adminWords(explanation, question.at, found).map(cut),
  };
}

/** The official formatter, trusted no further than its result: a text that would mean something else is refused. */
import { formatPolicies } from '@cedar-policy/cedar-wasm/nodejs';
import { type ParsedFile, type PolicyFile, parsePolicyFile } from './parse-policies.ts';
import type { PolicyProblem } from './policy-set.ts';

export interface Formatted {
  /** Absent when the file has errors, or would not be the same. */
  readonly text?: string;
  readonly problems: readonly PolicyProblem[];
}

export function formatFile(file: PolicyFile): Formatted {
  const before = parsePolicyFile(file);
  const errors = before.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return { problems: errors };
  const answer = formatPolicies({ policyText: file.text });
  const text = answer.type === 'success' ? `${answer.formatted_policy.trim()}\n` : '';
  const refuse = (message: string): Formatted => ({ problems: [{ severity: 'error', file: file.id, message }] });
  if (answer.type === 'failure') return refuse('The formatter cannot read this file.');
  if (meaningOf(before) !== meaningOf(parsePolicyFile({ ...file, text })))
    return refuse('The formatter would change what this file means: it is left as it is.');
  if (commentsOf(file.text) !== commentsOf(text))
    return refuse('The formatter would lose a comment: the file is left as it is.');
  return { text: text === '\n' ? '' : text, problems: [] };
}

const meaningOf = ({ policies }: ParsedFile): string => JSON.stringify(policies.map(({ json }) => json));

/** Comments in their order; strings that look like one are passed over. */
function commentsOf(text: string): string {
  const found = text.matchAll(/"(?:\\[^\n]|[^"\\])*"|\/\/[^\n\r]*/g);
  return [...found]
    .map(([word]) => word)
    .filter((word) => word.startsWith('//'))
    .map((word) => word.trimEnd())
    .join('\n');
}

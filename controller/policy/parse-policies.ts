/** Takes a policy file apart with the official engine and says, by line, what is wrong with it. */
import {
  type DetailedError,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  type SourceLocation,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { policySchemaText } from '#shared/contracts/policy-schema.ts';
import { findTooDeep, maxPolicyDepth } from './limit-nesting.ts';
import type { PolicyProblem } from './policy-set.ts';

export interface PolicyFile {
  /** Name of the file without `.cedar`. */
  readonly id: string;
  readonly text: string;
}

export interface ParsedPolicy {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly json: PolicyJson;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9 ._#/-]{0,127}$/;

/** Strictly validated against the shipped schema. Any problem of severity `error` means that the file may not be used. */
export function parsePolicyFile(file: PolicyFile): { policies: ParsedPolicy[]; problems: PolicyProblem[] } {
  const bytes = Buffer.from(file.text);
  const lineOf = (location?: SourceLocation) =>
    location === undefined ? undefined : lineAt(bytes.subarray(0, location.start));
  const problem = (severity: PolicyProblem['severity'], message: string, line?: number, policy?: string) =>
    ({
      severity,
      file: file.id,
      message,
      ...(line === undefined ? {} : { line }),
      ...(policy === undefined ? {} : { policy }),
    }) satisfies PolicyProblem;

  const tooDeep = findTooDeep(file.text);
  if (tooDeep !== undefined) {
    const message = `This policy is deeper than ${maxPolicyDepth} operators and brackets: split it, or use sets.`;
    return { policies: [], problems: [problem('error', message, lineAt(Buffer.from(file.text.slice(0, tooDeep))))] };
  }
  const parts = policySetTextToParts(file.text);
  if (parts.type === 'failure')
    return {
      policies: [],
      problems: parts.errors.map((e) => problem('error', tell(e), lineOf(e.sourceLocations?.[0]))),
    };
  const problems = parts.policy_templates.map(() => problem('error', 'Templates are not taken: write policies.'));

  // The engine numbers policies in their order but gives them sorted by id as text: policy0, policy1, policy10, policy2.
  const order = parts.policies.map((_, index) => index).sort((a, b) => (`${a}` < `${b}` ? -1 : 1));
  const texts: string[] = [];
  order.forEach((index, position) => {
    texts[index] = parts.policies[position] ?? '';
  });

  const policies: ParsedPolicy[] = [];
  let offset = 0;
  texts.forEach((text, index) => {
    const found = file.text.indexOf(text, offset);
    if (found >= 0) offset = found + text.length;
    const line = lineAt(Buffer.from(file.text.slice(0, Math.max(found, 0))));
    const answer = policyToJson(text);
    if (answer.type === 'failure') {
      problems.push(problem('error', answer.errors.map(tell).join(' '), line));
      return;
    }
    const name = answer.json.annotations?.['id'] || `${file.id}#${index}`;
    if (!namePattern.test(name))
      problems.push(problem('error', 'The name in @id has other characters or is too long.', line));
    policies.push({ name, file: file.id, line, text, json: answer.json });
  });

  const nameOf = (id: string) => policies[Number(id.replace(/^policy/, ''))]?.name;
  const checked = validate({
    validationSettings: { mode: 'strict' },
    schema: policySchemaText,
    policies: { staticPolicies: file.text },
  });
  if (checked.type === 'failure') {
    problems.push(...checked.errors.map((e) => problem('error', tell(e), lineOf(e.sourceLocations?.[0]))));
  } else {
    for (const [severity, found] of [
      ['error', checked.validationErrors],
      ['warning', checked.validationWarnings],
    ] as const)
      for (const { policyId, error } of found)
        problems.push(problem(severity, tell(error), lineOf(error.sourceLocations?.[0]), nameOf(policyId)));
  }
  return { policies, problems };
}

function tell(error: DetailedError): string {
  const label = error.sourceLocations?.[0]?.label;
  const text = [error.message.replace(/^for policy `[^`]*`, /, ''), label, error.help].filter(Boolean).join('; ');
  return text.slice(0, 2000);
}

/** `before` is everything up to the place, in UTF-8 bytes as the engine counts. */
function lineAt(before: Uint8Array): number {
  let line = 1;
  for (const byte of before) if (byte === 10) line += 1;
  return line;
}

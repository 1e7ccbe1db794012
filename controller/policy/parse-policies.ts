/** Takes a policy file apart with the official engine and says, place by place, what is wrong with it. */
import {
  type DetailedError,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { policySchemaText } from '#shared/contracts/policy-schema.ts';
import { findTooDeep, maxPolicyDepth } from './limit-nesting.ts';
import { engineLintOf } from './lints/engine.ts';
import type { PolicyProblem } from './policy-set.ts';
import { policyTokens, type Token } from './policy-tokens.ts';
import { ByteOffsets, Positions } from './positions.ts';
import { tellEngine } from './tell-engine.ts';

export interface PolicyFile {
  /** Name of the file without `.cedar`. */
  readonly id: string;
  readonly text: string;
}

export interface ParsedPolicy {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Offsets in the file. */
  readonly start: number;
  readonly end: number;
  readonly json: PolicyJson;
}

/** What a reader of policies needs to say where in the file something stands. */
export interface ReadFile {
  readonly id: string;
  readonly positions: Positions;
  readonly tokens: readonly Token[];
}

export interface ParsedFile extends ReadFile {
  readonly policies: readonly ParsedPolicy[];
  readonly problems: readonly PolicyProblem[];
}

/** A file of errors is not looked at to its end. */
const mostProblems = 1000;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9 ._#/-]{0,127}$/;

/** Strictly validated against the shipped schema. Any problem of severity `error` means that the file may not be used. */
export function parsePolicyFile({ id, text }: PolicyFile): ParsedFile {
  const positions = new Positions(text);
  const { tokens, unclosed } = policyTokens(text);
  const policies: ParsedPolicy[] = [];
  const problems: PolicyProblem[] = [];
  const file = { id, positions, tokens, policies, problems };
  const note = (
    severity: PolicyProblem['severity'],
    message: string,
    start?: number,
    end?: number,
    policy?: string,
  ) => {
    if (problems.length >= mostProblems) return;
    const place = start === undefined ? {} : positions.place(start, end);
    const lint = severity === 'warning' ? { lint: engineLintOf(message) } : {};
    problems.push({ severity, file: id, ...place, ...lint, ...(policy === undefined ? {} : { policy }), message });
  };

  if (unclosed !== undefined) {
    note('error', 'This quote opens a text that is never closed.', unclosed);
    return file;
  }
  const tooDeep = findTooDeep(tokens);
  if (tooDeep !== undefined) {
    note(
      'error',
      `This policy is deeper than ${maxPolicyDepth} operators and brackets: split it, or use sets.`,
      tooDeep,
    );
    return file;
  }
  const bytes = new ByteOffsets(text);
  const noteEngine = (error: DetailedError, severity: PolicyProblem['severity'], policy?: string) => {
    const location = error.sourceLocations?.[0];
    const start = location && bytes.offset(location.start);
    note(severity, tellEngine(error), start, location && bytes.offset(location.end), policy);
  };
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') {
    for (const error of parts.errors) noteEngine(error, 'error');
    return file;
  }
  for (const template of parts.policy_templates) {
    const start = Math.max(0, text.indexOf(template));
    note('error', 'Templates are not taken: write policies.', start, start + template.length);
  }
  if (problems.length > 0) return file;

  let offset = 0;
  for (const [index, own] of inOrder(parts.policies).entries()) {
    const found = text.indexOf(own, offset);
    const start = Math.max(found, 0);
    const end = start + own.length;
    if (found >= 0) offset = end;
    const answer = policyToJson(own);
    if (answer.type === 'failure') {
      note('error', answer.errors.map(tellEngine).join(' '), start);
      continue;
    }
    const name = answer.json.annotations?.['id'] || `${id}#${index}`;
    if (!namePattern.test(name)) note('error', 'The name in @id has other characters or is too long.', start);
    policies.push({ name, file: id, line: positions.line(start), start, end, json: answer.json });
  }

  const nameOf = (policyId: string) => policies[Number(policyId.replace(/^policy/, ''))]?.name;
  const checked = validate({
    validationSettings: { mode: 'strict' },
    schema: policySchemaText,
    policies: { staticPolicies: text },
  });
  if (checked.type === 'failure') {
    for (const error of checked.errors) noteEngine(error, 'error');
    return file;
  }
  for (const { policyId, error } of checked.validationErrors) noteEngine(error, 'error', nameOf(policyId));
  for (const { policyId, error } of checked.validationWarnings) noteEngine(error, 'warning', nameOf(policyId));
  return { ...file, problems: withoutDoubles(problems) };
}

/** The engine numbers policies in their order but gives them sorted by id as text: policy0, policy1, policy10, policy2. */
function inOrder(parts: readonly string[]): string[] {
  const order = parts.map((_, index) => index).sort((a, b) => (`${a}` < `${b}` ? -1 : 1));
  const texts: string[] = [];
  order.forEach((index, position) => {
    texts[index] = parts[position] ?? '';
  });
  return texts;
}

/** The engine tells the same place once for each action that it tried. */
function withoutDoubles(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ severity, line, column, message }) => {
    const key = `${severity} ${line}:${column} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

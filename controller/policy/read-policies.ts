/**
 * Policy files to policies that were read, validated and looked through, as plain data: this is the slow part of publishing, and
 * runs in a worker. The official engine parses and validates; its limits are met before it sees a text.
 */

import { nearestName } from '#shared/base/nearest-name.ts';
import type { PolicyJson } from '#shared/cedar/policy-json.ts';
import type { Known } from './known.ts';
import { allowedLints } from './lints/allowed.ts';
import { lints } from './lints/index.ts';
import type { LintedPolicy } from './lints/lint.ts';
import { looksOf } from './lints/looks.ts';
import { type ParsedFile, type ParsedPolicy, type PolicyFile, parsePolicyFile } from './parse-policies.ts';
import type { CompiledPolicy, EntityName, PolicyProblem } from './policy-set.ts';
import { entityWords, findWords } from './policy-tokens.ts';
import { readPolicy } from './read-policy.ts';

const policyLimits = { files: 1000, fileBytes: 262_144, totalBytes: 4 * 1024 * 1024, policies: 5000 } as const;
const mostProblems = 1000;

export interface ReadPolicies {
  readonly policies: readonly CompiledPolicy[];
  /** Errors first, then by file and place. At most 1,000. With an error among them the policies may not be used. */
  readonly problems: readonly PolicyProblem[];
}

/** `known` absent: names are not looked up, as when a stored version is loaded again. */
export function readPolicies(files: readonly PolicyFile[], known?: Known): ReadPolicies {
  const tooMuch = findExcess(files);
  if (tooMuch !== undefined) return { policies: [], problems: [tooMuch] };
  const reader = new Reader();
  for (const source of files) reader.read(parsePolicyFile(source), known);
  if (reader.linted.length > policyLimits.policies)
    reader.problems.push({ severity: 'error', file: '', message: `More than ${policyLimits.policies} policies.` });
  else reader.lint(known);
  return { policies: reader.policies, problems: sortProblems(reader.problems) };
}

class Reader {
  readonly policies: CompiledPolicy[] = [];
  readonly linted: LintedPolicy[] = [];
  readonly problems: PolicyProblem[] = [];
  readonly #files = new Map<string, ParsedFile>();
  readonly #taken = new Map<string, ParsedPolicy>();

  read(file: ParsedFile, known: Known | undefined): void {
    this.#files.set(file.id, file);
    const allowed = new Map(file.policies.map(({ name, json }) => [name, allowedLints(json)]));
    for (const problem of file.problems)
      if (problem.lint === undefined || !allowed.get(problem.policy ?? '')?.includes(problem.lint))
        this.problems.push(problem);
    for (const policy of file.policies) {
      const { unsafeLong, ...reading } = readPolicy(policy.json);
      const other = this.#taken.get(policy.name);
      if (other !== undefined)
        this.#error(policy, `${other.file}.cedar line ${other.line} has this name too.`, [['@', 'id']]);
      this.#taken.set(policy.name, policy);
      if (unsafeLong)
        this.#error(policy, 'A number is beyond 2^53 and cannot be kept exactly.', longWords(file, policy));
      const wrong = wrongUse(policy.json);
      if (wrong !== undefined) this.#error(policy, wrong, [['@', 'authorization']]);
      for (const entity of known === undefined ? [] : reading.entities) {
        const message = unknownName(entity, known!);
        if (message) this.#error(policy, message, [entityWords(entity.type, entity.id)]);
      }
      const { name, line, json } = policy;
      const kept = json as unknown as PolicyJson;
      const number = this.policies.length;
      const once = isOnce(json);
      this.policies.push({ name, number, file: file.id, line, json: kept, once, ...textsOf(kept), ...reading });
      this.linted.push({ ...policy, looks: looksOf(json) });
    }
  }

  lint(known: Known | undefined): void {
    for (const policy of this.linted) {
      const allowed = allowedLints(policy.json);
      for (const { id, severity, find } of lints) {
        if (severity === 'warning' && allowed.includes(id)) continue;
        for (const { message, at } of find(policy, this.linted, known)) this.#note(policy, severity, message, at, id);
      }
    }
  }

  #error(policy: ParsedPolicy, message: string, at: readonly (readonly string[])[]): void {
    this.#note(policy, 'error', message, at);
  }

  #note(
    policy: ParsedPolicy,
    severity: PolicyProblem['severity'],
    message: string,
    at: readonly (readonly string[])[] = [],
    lint?: string,
  ): void {
    if (this.problems.length >= mostProblems * 2) return;
    const { positions, tokens } = this.#files.get(policy.file)!;
    const own = tokens.slice(firstAt(tokens, policy.start), firstAt(tokens, policy.end));
    const span = at.map((words) => findWords(own, words)).find((found) => found !== undefined);
    const place = positions.place(span?.start ?? policy.start, span?.end ?? policy.end);
    const which = { file: policy.file, policy: policy.name, ...(lint === undefined ? {} : { lint }) };
    this.problems.push({ severity, ...which, ...place, message });
  }
}

type Annotated = Pick<ParsedPolicy['json'], 'effect' | 'annotations'>;

const isOnce = ({ annotations }: Annotated): boolean => annotations?.['authorization'] === 'once';

/** P18: a word that is not understood would silently grant for many. */
function wrongUse({ effect, annotations = {} }: Annotated): string | undefined {
  const use = annotations['authorization'];
  if (use === undefined) return undefined;
  if (use !== 'once') return '@authorization says "once" or is left out: no other word is known.';
  return effect === 'forbid' ? '@authorization("once") belongs to a permit: a forbid gives nothing.' : undefined;
}

/** Characters of `@reason` and `@tell` that are kept. */
const maxText = 400;

function textsOf({ annotations = {} }: PolicyJson): Pick<CompiledPolicy, 'reason' | 'tell'> {
  const { reason = '', tell = '' } = annotations;
  return {
    ...(reason === '' ? {} : { reason: reason.slice(0, maxText) }),
    ...(tell === '' ? {} : { tell: tell.slice(0, maxText) }),
  };
}

/** Index of the first token at or after an offset. */
function firstAt(tokens: ParsedFile['tokens'], offset: number): number {
  let [low, high] = [0, tokens.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle]!.index < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function longWords({ tokens }: ParsedFile, { start, end }: ParsedPolicy): string[][] {
  return tokens
    .filter(({ word, index }) => index >= start && index < end && /^\d{16,}$/.test(word))
    .filter(({ word }) => !Number.isSafeInteger(Number(word)))
    .map(({ word }) => [word]);
}

function findExcess(files: readonly PolicyFile[]): PolicyProblem | undefined {
  const error = (file: string, message: string) => ({ severity: 'error', file, message }) as const;
  if (files.length > policyLimits.files) return error('', `More than ${policyLimits.files} files.`);
  let total = 0;
  const ids = new Set<string>();
  for (const { id, text } of files) {
    if (ids.has(id)) return error(id, 'Two files have this name.');
    ids.add(id);
    const bytes = Buffer.byteLength(text);
    if (bytes > policyLimits.fileBytes) return error(id, `The file is larger than ${policyLimits.fileBytes} bytes.`);
    total += bytes;
  }
  return total > policyLimits.totalBytes
    ? error('', `More than ${policyLimits.totalBytes} bytes of policies.`)
    : undefined;
}

const listOf = {
  Person: ['people', 'person'],
  Group: ['groups', 'group'],
  App: ['apps', 'app'],
  AppGroup: ['appGroups', 'group of apps'],
} as const;

const mostPeople = 2000;

/** What is wrong with a name; undefined for one that exists. Of very many people none is suggested. */
export function unknownName({ type, id }: EntityName, known: Known): string | undefined {
  if (!Object.hasOwn(listOf, type)) return undefined;
  const [list, word] = listOf[type as keyof typeof listOf];
  const names = known[list];
  if (names === undefined || names.has(id)) return undefined;
  const near = list === 'people' && names.size > mostPeople ? undefined : nearestName(id, [...names.keys()]);
  return `There is no ${word} "${id}".${near === undefined ? '' : ` Did you mean "${near}"?`}`;
}

export function sortProblems(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const rank = (p: PolicyProblem) => (p.severity === 'error' ? 0 : 1);
  const place = (p: PolicyProblem) => (p.line ?? 0) * 1_000_000 + (p.column ?? 0);
  return problems
    .toSorted((a, b) => rank(a) - rank(b) || a.file.localeCompare(b.file) || place(a) - place(b))
    .slice(0, mostProblems);
}

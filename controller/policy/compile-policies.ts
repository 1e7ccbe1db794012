/**
 * Policy files to a `PolicySet`. Whatever is not wholly right is refused: the caller keeps the set it has (invariant 6).
 * The official engine parses and validates; its limits are met before it sees the text: sizes are capped, Longs stay
 * within what JSON can carry. Our own engine (`shared/cedar/`) then compiles what it will decide by.
 */
import { asPosternError } from '#shared/base/errors.ts';
import { compilePolicy, type Policy } from '#shared/cedar/compile-policy.ts';
import type { PolicyJson } from '#shared/cedar/policy-json.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import { assumeRequest } from './assume-request.ts';
import { lintPolicy } from './lint-policies.ts';
import { type ParsedPolicy, type PolicyFile, parsePolicyFile } from './parse-policies.ts';
import type { CompiledPolicy, EntityName, PolicyProblem, PolicySet } from './policy-set.ts';
import { readPolicy } from './read-policy.ts';

const policyLimits = { files: 1000, fileBytes: 262_144, totalBytes: 4 * 1024 * 1024, policies: 5000 } as const;

/** The names that exist; policies that name others are refused (P8). */
export interface KnownNames {
  readonly people: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly apps: ReadonlySet<string>;
  readonly appGroups: ReadonlySet<string>;
}

export interface Compiled {
  /** Absent when any problem is an error. */
  readonly set?: PolicySet;
  /** Errors first, then by file and line. At most 1,000. */
  readonly problems: readonly PolicyProblem[];
}

/** `names` absent: names are not looked up, as when a stored version is loaded again. */
export function compilePolicies(files: readonly PolicyFile[], epoch: number, names?: KnownNames): Compiled {
  const tooMuch = findExcess(files);
  if (tooMuch !== undefined) return { problems: [tooMuch] };
  const problems: PolicyProblem[] = [];
  const policies: CompiledPolicy[] = [];
  const rules: Policy[] = [];
  const assumedRules: Policy[] = [];
  const taken = new Map<string, ParsedPolicy>();
  for (const source of files) {
    const parsed = parsePolicyFile(source);
    problems.push(...parsed.problems);
    for (const policy of parsed.policies) {
      const at = { file: policy.file, line: policy.line, policy: policy.name };
      const other = taken.get(policy.name);
      if (other !== undefined)
        problems.push({ severity: 'error', ...at, message: `${other.file} line ${other.line} has this name too.` });
      taken.set(policy.name, policy);
      const { unsafeLong, ...reading } = readPolicy(policy.json);
      if (unsafeLong)
        problems.push({ severity: 'error', ...at, message: 'A number is beyond 2^53 and cannot be kept exactly.' });
      if (reading.computes) problems.push({ severity: 'warning', ...at, message: computing });
      for (const message of lintPolicy(policy.json)) problems.push({ severity: 'warning', ...at, message });
      for (const entity of reading.entities) {
        const message = names && unknownName(entity, names);
        if (message) problems.push({ severity: 'error', ...at, message });
      }
      const { name, file, line } = policy;
      const json = policy.json as unknown as PolicyJson;
      const looks = [...reading.reads].some((path) => path === '*' || path.split('.')[0] === 'request');
      try {
        const rule = compilePolicy(name, json);
        rules.push(rule);
        assumedRules.push(looks ? compilePolicy(name, assumeRequest(policy.json) as unknown as PolicyJson) : rule);
      } catch (error) {
        problems.push({ severity: 'error', ...at, message: asPosternError(error).message });
      }
      policies.push({ name, file, line, json, ...textsOf(json), ...reading });
    }
  }
  if (policies.length > policyLimits.policies)
    problems.push({ severity: 'error', file: '', message: `More than ${policyLimits.policies} policies.` });
  const sorted = sortProblems(problems);
  if (sorted.some(({ severity }) => severity === 'error')) return { problems: sorted };
  const set: PolicySet = {
    epoch,
    policies: Object.freeze(policies),
    byName: new Map(policies.map((policy) => [policy.name, policy])),
    index: new ScopeIndex(rules),
    assumed: new ScopeIndex(assumedRules),
    warnings: sorted,
  };
  return { set: Object.freeze(set), problems: sorted };
}

const computing =
  'This policy computes with an age or the time, so that each grant is looked at second by second: compare it with a number.';

/** Characters of `@reason` and `@tell` that are kept. */
const maxText = 400;

function textsOf({ annotations = {} }: PolicyJson): Pick<CompiledPolicy, 'reason' | 'tell'> {
  const { reason = '', tell = '' } = annotations;
  return {
    ...(reason === '' ? {} : { reason: reason.slice(0, maxText) }),
    ...(tell === '' ? {} : { tell: tell.slice(0, maxText) }),
  };
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

function unknownName({ type, id }: EntityName, names: KnownNames): string | undefined {
  if (!Object.hasOwn(listOf, type)) return undefined;
  const [list, word] = listOf[type as keyof typeof listOf];
  return names[list].has(id) ? undefined : `There is no ${word} "${id}".`;
}

function sortProblems(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const rank = (p: PolicyProblem) => (p.severity === 'error' ? 0 : 1);
  return problems
    .toSorted((a, b) => rank(a) - rank(b) || a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0))
    .slice(0, 1000);
}

/** The facts that policies looked at, as they were at a decision: value, where it came from, how old, and what was wanted. */
import { Datetime } from '#shared/cedar/ext-datetime.ts';
import { IpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { CedarRecord, CedarSet, type Value } from '#shared/cedar/values.ts';
import { checkName, type FactKey, factKeys } from '#shared/contracts/posture.ts';
import { type Comparison, comparisonsOf } from './comparisons.ts';
import { type FactState, factState } from './fact-state.ts';
import type { PostureFact, Question } from './facts.ts';
import { toContext } from './facts-to-context.ts';
import type { CompiledPolicy } from './policy-set.ts';
import { isMet, showLiteral, showWanted } from './wanted.ts';

export interface Wanted {
  readonly text: string;
  /** Undefined where it cannot be told on its own. */
  readonly met?: boolean;
  readonly policy: string;
}

export interface FactNote {
  /** Dotted; a check of the organisation stands as `check:<id>`. */
  readonly path: string;
  readonly value: string;
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly measuredAt?: number;
  readonly goodUntil?: number;
  readonly state?: FactState;
  readonly wanted: readonly Wanted[];
}

/** Of one explanation. */
const maxNotes = 64;

export function noteFacts(policies: readonly CompiledPolicy[], question: Question): FactNote[] {
  const wanted = new Map<string, Wanted[]>();
  const want = (path: string) => {
    const list = wanted.get(path) ?? [];
    wanted.set(path, list);
    return list;
  };
  for (const policy of policies) {
    for (const path of policy.reads) if (path.includes('.') && path !== 'device.checks') want(path);
    for (const comparison of comparisonsOf(policy)) addWanted(want, policy, comparison, question);
  }
  return [...wanted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, maxNotes)
    .map(([path, list]) => noteFact(path, list, question));
}

function addWanted(
  want: (path: string) => Wanted[],
  policy: CompiledPolicy,
  comparison: Comparison,
  question: Question,
): void {
  const about = (path: string, text: string, met: boolean | undefined) => {
    const list = want(path);
    const known = list.some((one) => one.text === text && one.policy === policy.name);
    if (!known) list.push({ text, ...(met === undefined ? {} : { met }), policy: policy.name });
  };
  if (comparison.path !== 'device.checks') {
    about(comparison.path, showWanted(comparison), isMet(comparison, valueAt(comparison.path, question)));
    return;
  }
  for (const id of comparison.literals) {
    const one: Comparison = { ...comparison, operator: 'contains', literals: [id] };
    const { wanted } = comparison;
    const text = wanted === undefined ? 'looked at' : wanted ? 'passed' : 'not passed';
    about(checkName(String(id)), text, isMet(one, valueAt('device.checks', question)));
  }
}

function noteFact(path: string, wanted: readonly Wanted[], question: Question): FactNote {
  const { facts, at } = question;
  const measured = measuredFact(path, question);
  if (measured !== undefined) {
    const { fact } = measured;
    const state = factState(fact, at);
    const value = path.startsWith('check:') ? (state === 'passed' ? 'passed' : 'not passed') : show(path, question);
    const times = fact === undefined ? {} : { measuredAt: fact.measuredAt, goodUntil: fact.goodUntil };
    return { path, value, source: fact?.source ?? 'none', ...times, state, wanted };
  }
  const since = sinceOf(path, facts);
  return {
    path,
    value: show(path, question),
    source: sources[path] ?? sources[path.split('.')[0]!] ?? 'controller',
    ...(since === null ? {} : { measuredAt: since }),
    wanted,
  };
}

const sources: Readonly<Record<string, string>> = {
  session: 'sign-in',
  network: 'connection',
  time: 'clock of the controller',
  request: 'request',
  risk: 'administrators',
  person: 'administrators',
  app: 'administrators',
  'device.ownership': 'administrators',
  'device.id': 'certificate',
};

function measuredFact(path: string, { facts: { device } }: Question): { fact: PostureFact | undefined } | undefined {
  if (path.startsWith('check:')) return { fact: device.checks[path.slice('check:'.length)] };
  const key = path.startsWith('device.') ? path.slice('device.'.length) : '';
  return (factKeys as readonly string[]).includes(key) ? { fact: device.posture[key as FactKey] } : undefined;
}

function sinceOf(path: string, { session }: Question['facts']): number | null {
  if (path === 'session.signInAge') return session?.startedAt ?? null;
  return path.startsWith('session.secondFactor') ? (session?.secondFactorAt ?? null) : null;
}

/** Undefined when there is none, as a request that was not told. */
function valueAt(path: string, question: Question): Value | undefined {
  const [part = '', name = ''] = path.split('.');
  const { person } = question.facts;
  const { app } = question;
  if (part === 'person') {
    const known: Readonly<Record<string, Value>> = {
      groups: new CedarSet(person.groups ?? []),
      role: person.role,
      name: person.name,
    };
    return known[name];
  }
  if (part === 'app') return { groups: new CedarSet(app.groups), kind: app.kind, site: app.site }[name];
  try {
    const record = toContext(question).members.get(part);
    return record instanceof CedarRecord ? record.members.get(name) : undefined;
  } catch {
    // An address that cannot be read: the decision failed for it, and the explanation must not.
    return undefined;
  }
}

function show(path: string, question: Question): string {
  if (path === 'network.address') return question.facts.network.address.slice(0, 64);
  if (path === 'person.groups' && question.facts.person.groups === null) return 'unreadable';
  const value = valueAt(path, question);
  if (value === undefined) return 'not told';
  if (value instanceof CedarSet) return [...value].map((item) => showLiteral(path, plain(item))).join(', ') || 'none';
  return showLiteral(path, plain(value));
}

function plain(value: Value): boolean | number | string {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Datetime) return new Date(Number(value.ms)).toISOString();
  if (value instanceof IpAddr || typeof value === 'object') return value.key;
  return value;
}

/**
 * Judges recorded questions again, by one policy version. Equal questions are judged once: the same snapshot of facts, app,
 * request and address, at moments between which nothing that the policies look at has changed by itself. Pure.
 */
import { second } from '#shared/base/clock.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import { decidePartly } from '../policy/decide-partly.ts';
import type { Facts, Question } from '../policy/facts.ts';
import { policiesInScope } from '../policy/in-scope.ts';
import { judgePartly, type MissingPart, missingFacts, type PartVerdict, unknownFacts } from '../policy/judge-partly.ts';
import { type CompiledPolicy, type PolicySet, readsPart } from '../policy/policy-set.ts';
import { type SteadySpan, steadySpan } from '../policy/steady-span.ts';
import type { RecordedVerdict } from './read-verdict.ts';

export interface JudgedAgain extends PartVerdict {
  /** Allowed for some requests and not for others: what was granted was less than the whole app. */
  readonly partly: boolean;
}

/** A snapshot as replay holds it: what was answered from it goes when it goes. */
export interface HeldFacts {
  readonly facts: Facts;
  readonly scopes: Map<string, InScope>;
  readonly answers: Map<string, Answer>;
}

/** The policies that this person's questions about one app can concern, and what of a question they look at. */
interface InScope {
  readonly key: string;
  readonly policies: readonly CompiledPolicy[];
  readonly readsRequest: boolean;
  readonly readsNetwork: boolean;
}

interface Answer {
  readonly span: SteadySpan;
  readonly judged: JudgedAgain;
}

export class Judge {
  readonly #set: PolicySet | undefined;
  /** Tells the answers of this version from those of others in the same `HeldFacts`. */
  readonly #prefix: string;
  /** How many questions were judged; the others were equal to one that had been. */
  judged = 0;

  /** `set` undefined: no version is in force, everything is denied. */
  constructor(set: PolicySet | undefined, prefix = '') {
    this.#set = set;
    this.#prefix = prefix;
  }

  /** `held` undefined: there is no such snapshot. */
  judge(recorded: RecordedVerdict, held: HeldFacts | undefined): JudgedAgain {
    const set = this.#set;
    if (set === undefined) return { ...nothing, verdict: 'deny', reasons: ['policy-unavailable'] };
    if (held === undefined) return this.#judgeWithoutFacts(set, recorded);
    const scope = this.#scope(set, recorded, held);
    const key = keyOf(recorded, scope);
    const known = held.answers.get(key);
    if (known !== undefined && isGoodAt(known, recorded)) return known.judged;
    const answer = judgeOnce(set, recorded, held.facts, scope.policies);
    this.judged += 1;
    held.answers.set(key, answer);
    return answer.judged;
  }

  #scope(set: PolicySet, recorded: RecordedVerdict, { facts, scopes }: HeldFacts): InScope {
    const { app, act } = recorded;
    const key = `${this.#prefix}${app.id} ${app.kind} ${app.site} ${app.groups.join()} ${act}`;
    let scope = scopes.get(key);
    if (scope === undefined) {
      const policies = facts.person.groups === null ? [] : policiesInScope(set, questionOf(recorded, facts));
      const [readsRequest, readsNetwork] = [readsPart(policies, 'request'), readsPart(policies, 'network')];
      scope = { key, policies, readsRequest, readsNetwork };
      scopes.set(key, scope);
    }
    return scope;
  }

  #judgeWithoutFacts(set: PolicySet, recorded: RecordedVerdict): JudgedAgain {
    this.judged += 1;
    const question = questionOf(recorded, unknownFacts(recorded.person, recorded.address));
    const missing = [...missingFacts, ...recorded.missing, ...recorded.open];
    return close(judgePartly(set, question, new Set(missing)), recorded.open);
  }
}

const nothing = { reasons: [], policies: [], missing: [], partly: false } as const;

/** What no policy looks at makes no other question. */
function keyOf({ kind, request, address }: RecordedVerdict, { key, readsRequest, readsNetwork }: InScope): string {
  const from = readsNetwork ? address : '';
  if (!readsRequest || request === undefined) return `${key} ${kind} ${from}`;
  return `${key} ${kind} ${from} ${request.method} ${request.host}${request.path} ${request.operation}`;
}

function isGoodAt({ span, judged }: Answer, recorded: RecordedVerdict): boolean {
  const { at } = recorded;
  return at >= span.from && (judged.verdict === 'allow' ? neededUntil(recorded) <= span.until : at < span.until);
}

/** A grant that would end within a second is not given (P10); an access was let through at its moment. */
const neededUntil = ({ kind, at }: RecordedVerdict): number =>
  kind === 'grant' ? Math.ceil((at + second) / second) * second : at + 1;

function questionOf({ app, act, request, address, at }: RecordedVerdict, facts: Facts): Question {
  // A gateway sees an address of its own.
  const network = address === '' ? facts.network : { address };
  return { facts: { ...facts, network }, app, act, request, at };
}

function judgeOnce(
  set: PolicySet,
  recorded: RecordedVerdict,
  facts: Facts,
  policies: readonly CompiledPolicy[],
): Answer {
  const question = questionOf(recorded, facts);
  const missing = new Set([...recorded.missing, ...recorded.open]);
  const span = steadySpan(policies, question);
  const judge = (then: Question) => judgeRecorded({ set, question: then, policies, missing }, recorded);
  const judged = judge(question);
  if (judged.verdict !== 'allow' || recorded.kind === 'access') return { span, judged };
  const turned = turnsTooSoon(judge, { question, policies }, recorded);
  return { span, judged: turned ?? judged };
}

interface Judging {
  readonly set: PolicySet;
  readonly question: Question;
  readonly policies: readonly CompiledPolicy[];
  readonly missing: ReadonlySet<MissingPart>;
}

/** A grant leaves open what only the gateway knows, and is decided as grants are unless something else is missing. */
function judgeRecorded({ set, question, policies, missing }: Judging, { kind, open, ...recorded }: RecordedVerdict) {
  const isWhole = !recorded.missing.some((part) => readsPart(policies, part));
  if (kind === 'access' || !isWhole) return close(judgePartly(set, question, missing), open);
  const { permits, forbids, ...verdict } = decidePartly(set, { ...question, networkUnknown: true });
  const partly = forbids.length > 0 || (permits.length > 0 && permits.every(({ expr }) => expr !== undefined));
  return { ...verdict, missing: [], partly };
}

/** The verdict to which an allow turns before a grant could be of use. */
function turnsTooSoon(
  judge: (question: Question) => JudgedAgain,
  { question, policies }: Pick<Judging, 'question' | 'policies'>,
  recorded: RecordedVerdict,
): JudgedAgain | undefined {
  const end = neededUntil(recorded);
  const { session, device } = question.facts;
  if (Math.min(session?.endsAt ?? 0, device.certificateEndsAt) < end)
    return { ...nothing, verdict: 'deny', reasons: ['session-required'] };
  const last = end - 1;
  for (let at = question.at; at < last; ) {
    const { until } = steadySpan(policies, { facts: question.facts, at });
    if (until > last) return undefined;
    // Where a policy computes with time, no span tells: the last moment stands for those before it.
    at = until > at + 1 ? until : last;
    const then = judge({ ...question, at });
    if (then.verdict !== 'allow') return then;
  }
  return undefined;
}

/** What was left open is judged later, request by request: a grant is given when some request could be allowed. */
function close(verdict: PartVerdict, open: readonly MissingPart[]): JudgedAgain {
  if (verdict.verdict !== 'unknown' || !verdict.missing.every((part) => open.includes(part)))
    return { ...verdict, partly: false };
  const reasons: readonly Reason[] = ['policy-permit'];
  return { ...verdict, verdict: 'allow', reasons, missing: [], partly: true };
}

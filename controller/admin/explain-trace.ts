/**
 * Why everything under one trace was decided as it was. Each verdict of policies is decided again from its snapshot of facts by
 * the version of its time; what does not come out the same, or cannot be told from what was recorded, is said to be so (P32).
 */
import { type ErrorCode, errorTable, PosternError } from '#shared/base/errors.ts';
import type { ExplainedRecord, ExplainReader } from '#shared/contracts/admin-explain.ts';
import type { PostureCheck } from '#shared/contracts/posture.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { HeldSnapshots } from '../analysis/held-snapshots.ts';
import { Judge, type JudgedAgain } from '../analysis/judge-again.ts';
import { PolicyVersions, type Version } from '../analysis/policy-versions.ts';
import { type RecordedVerdict, readVerdict } from '../analysis/read-verdict.ts';
import type { Decider } from '../grants/decider.ts';
import { loadApp } from '../grants/load-facts.ts';
import { readTrace } from '../log/read-trace.ts';
import type { Verdict } from '../policy/decide.ts';
import { reasonText } from '../policy/explain-words.ts';
import type { Facts, Question } from '../policy/facts.ts';
import { askAdmin, codeOf, findFixes } from '../policy/fixes.ts';
import { explainFully } from '../policy/full-explanation.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import { Turns } from '../take-turns.ts';
import { agreementOf, tellMissing } from './compare-verdicts.ts';
import { showVersion } from './show-policy.ts';

export interface ExplainOrder {
  /** Whole, or its first digits. */
  readonly trace: string;
  readonly as: ExplainReader;
  /** Whether to search for what would have allowed it. */
  readonly changes: boolean;
}

/** Of one trace; more are an app that opens many streams, each with its own record of the same grant. */
const maxRecords = 200;

/** Oldest first. Throws `not-found` for a trace without records, `bad-request` for digits that several traces begin with. */
export async function explainTrace(db: Db, decider: Decider, order: ExplainOrder) {
  const records = await readTrace(db, order.trace, maxRecords);
  const traces = new Set(records.map(({ trace }) => trace));
  const [trace] = traces;
  if (trace === undefined) {
    const tell = 'No record has this trace. Records of gateways come within seconds; old ones may have been pruned.';
    throw new PosternError('not-found', `no record of the trace ${order.trace}`, { tell });
  }
  if (traces.size > 1) {
    const tell = `${traces.size} traces begin like this: give more digits.`;
    throw new PosternError('bad-request', `${traces.size} traces begin with ${order.trace}`, { tell });
  }
  const { checks } = await readPostureSettings(db);
  const explainer = new Explainer(db, decider, order, checks);
  const explained: ExplainedRecord[] = [];
  // Whoever sends requests chooses their trace, and each search for what would help costs thousands of decisions.
  const turns = new Turns();
  for (const record of records.toReversed()) {
    explained.push(await explainer.explain(record));
    await turns.pause();
  }
  return { trace, as: order.as, records: explained };
}

/** What was recorded of one verdict of policies, as far as it is there. */
interface Recalled {
  readonly recorded: RecordedVerdict;
  readonly set: PolicySet | undefined;
  readonly facts: Facts | undefined;
  readonly judged: JudgedAgain;
}

class Explainer {
  readonly #db: Db;
  readonly #decider: Decider;
  readonly #order: ExplainOrder;
  readonly #checks: readonly PostureCheck[];
  readonly #versions: PolicyVersions;
  readonly #snapshots: HeldSnapshots;

  constructor(db: Db, decider: Decider, order: ExplainOrder, checks: readonly PostureCheck[]) {
    this.#db = db;
    this.#decider = decider;
    this.#order = order;
    this.#checks = checks;
    this.#versions = new PolicyVersions(db);
    this.#snapshots = new HeldSnapshots(db);
  }

  async explain(record: AccessRecord): Promise<ExplainedRecord> {
    const recorded = readVerdict(record);
    const recalled = typeof recorded === 'object' ? await this.#recall(recorded) : recorded;
    if (this.#order.as === 'employee') return this.#tellEmployee(record, recalled);
    const { epoch } = record;
    const again =
      recalled === undefined
        ? { agreement: 'none' as const, missing: [] }
        : typeof recalled === 'string'
          ? { agreement: 'undetermined' as const, missing: [tellMissing(recalled)] }
          : agreementOf(recalled.recorded, recalled.judged);
    const explanation = typeof recalled === 'object' ? await this.#explainPolicies(recalled) : undefined;
    const version = recalled === undefined || epoch === undefined ? undefined : await this.#findVersion(epoch);
    return {
      ...show(record),
      again,
      ...(version === undefined ? {} : { version }),
      ...(explanation === undefined ? {} : { explanation }),
    };
  }

  async #recall(recorded: RecordedVerdict): Promise<Recalled | 'version'> {
    const version = await this.#loadVersion(recorded.record.epoch);
    if (version === 'gone') return 'version';
    if (recorded.facts !== undefined) await this.#snapshots.load([recorded.facts]);
    const held = this.#snapshots.get(recorded.facts);
    return { recorded, set: version.set, facts: held?.facts, judged: new Judge(version.set).judge(recorded, held) };
  }

  /** The one in force is compiled already. */
  async #loadVersion(epoch: number | undefined): Promise<Version> {
    if (epoch === undefined) return 'gone';
    const set = this.#decider.policy();
    return set?.epoch === epoch ? { set } : this.#versions.load(epoch);
  }

  async #findVersion(epoch: number) {
    const row = await this.#db.selectFrom('policy_versions').selectAll().where('epoch', '=', epoch).executeTakeFirst();
    return row === undefined ? undefined : showVersion(row);
  }

  async #explainPolicies({ recorded, set, facts, judged }: Recalled) {
    if (facts === undefined || judged.verdict === 'unknown') return undefined;
    const { changes } = this.#order;
    const app = changes ? await loadApp(this.#db, recorded.app.id) : undefined;
    const operations = app?.kind === 'http' ? app.operations : undefined;
    const verdict = verdictOf(recorded.record, judged);
    return explainFully(
      set,
      questionOf(recorded, facts),
      verdict,
      changes ? { checks: this.#checks, operations } : undefined,
    );
  }

  /** What was told then, as far as it can still be known. */
  #tellEmployee(record: AccessRecord, recalled: Recalled | string | undefined): ExplainedRecord {
    const { time, kind, phase, trace, verdict, app, request } = record;
    const shown = { time, kind, phase, trace, verdict, ...(app === undefined ? {} : { app }) };
    const what =
      request === undefined ? {} : { request: { method: request.method, host: request.host, path: request.path } };
    if (verdict !== 'deny') return { ...shown, ...what };
    const reason = record.reasons[0] ?? '';
    const told = toldFor(reason);
    if (typeof recalled !== 'object' || recalled.facts === undefined || !isOfPolicies(reason))
      return { ...shown, ...what, told };
    const fixes = findFixes(recalled.set, questionOf(recalled.recorded, recalled.facts), this.#checks);
    // All but the network the controller tells, when it is asked about what a gateway refused: that is a record of its own.
    if (kind === 'access')
      return { ...shown, ...what, told: { ...told, fixes: fixes.filter((one) => one.kind === 'network') } };
    return { ...shown, ...what, told: { title: errorTable[codeOf(fixes)].title, fixes: [...fixes] } };
  }
}

/** A grant leaves the network to the gateway (P10). */
function questionOf({ kind, app, act, request, address, at }: RecordedVerdict, facts: Facts): Question {
  const network = address === '' ? facts.network : { address };
  return { facts: { ...facts, network }, app, act, request, at, networkUnknown: kind === 'grant' };
}

/** The recorded errors, which deciding in part does not tell. */
function verdictOf({ details }: AccessRecord, { verdict, reasons, policies }: JudgedAgain): Verdict {
  const errors = Array.isArray(details?.['errors']) ? details['errors'].map(String) : [];
  return { verdict: verdict === 'allow' ? 'allow' : 'deny', reasons, policies, errors };
}

/** Refusals that come before anything that depends on the app, each with a sentence of its own (judge-ask.ts). */
const standing: Readonly<Record<string, ErrorCode>> = {
  'session-required': 'session-required',
  'person-not-active': 'not-allowed',
  'device-not-active': 'device-suspended',
  'groups-unreadable': 'unavailable',
  'policy-unavailable': 'unavailable',
  'no-gateway': 'unavailable',
};
const isOfPolicies = (reason: string): boolean => !Object.hasOwn(standing, reason);

function toldFor(reason: string): { title: string; fixes: Fix[] } {
  const code = standing[reason] ?? (Object.hasOwn(errorTable, reason) ? (reason as ErrorCode) : 'not-allowed');
  // The same for an app that is not there, one that knows no such action, and one that is somebody else's (P12).
  if (code === 'not-allowed' || code === 'action-mismatch')
    return { title: errorTable['not-allowed'].title, fixes: [askAdmin] };
  return { title: errorTable[code].title, fixes: [] };
}

function show(record: AccessRecord): ExplainedRecord {
  const { id, time, kind, phase, trace, verdict, reasons, person, device, app, gateway, grant, from, request } = record;
  const { facts, policies, epoch } = record;
  const all = { person, device, app, gateway, grant, from, request, facts, policies, epoch };
  return {
    id,
    time,
    kind,
    phase,
    trace,
    verdict,
    reasons: reasons.map((reason) => ({ reason, text: reasonText(reason) })),
    ...(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<
      typeof all
    > as object),
  };
}

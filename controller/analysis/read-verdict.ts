/**
 * A record of the log as the question that was decided in it. Pure. Only verdicts of policies are questions: a grant that
 * has expired, a device that asks too often or an app without a gateway is refused whatever the policies say.
 */
import type { GrantAction } from '#shared/contracts/grant.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import { type AccessRecord, maxRecordedPath } from '#shared/contracts/record.ts';
import type { AppFacts, RequestFacts } from '../policy/facts.ts';
import type { MissingPart } from '../policy/judge-partly.ts';

export interface RecordedVerdict {
  readonly kind: 'grant' | 'access';
  readonly verdict: 'allow' | 'deny';
  readonly record: AccessRecord;
  /** That determined it; of an access only their numbers are in the record. */
  readonly policies: readonly string[];
  /** Of the snapshot; undefined when none was recorded. */
  readonly facts: string | undefined;
  readonly person: string;
  readonly app: AppFacts;
  readonly act: GrantAction;
  readonly request: RequestFacts | undefined;
  readonly address: string;
  readonly at: number;
  /** What of the question was not recorded. */
  readonly missing: readonly MissingPart[];
  /** What whoever decided left open (P10): a grant serves whatever request comes later, from wherever the gateway sees it. */
  readonly open: readonly MissingPart[];
  /** Equal refusals that this record stands for and that it does not tell the requests of (P24). */
  readonly merged: number;
}

/** Why a verdict of policies cannot be judged again at all. */
export type Unreadable = 'app' | 'person';

const ofPolicies: Readonly<Record<'grant' | 'access', ReadonlySet<Reason>>> = {
  grant: new Set<Reason>([
    'policy-permit',
    'no-permit',
    'policy-forbid',
    'policy-error',
    'policy-unavailable',
    'person-not-active',
    'device-not-active',
    'session-required',
    'groups-unreadable',
  ]),
  access: new Set<Reason>(['grant-valid', 'rules-refused']),
};

/** Undefined for what is no verdict of policies, and for what tells more of one that has a record already. */
export function readVerdict(record: AccessRecord): RecordedVerdict | Unreadable | undefined {
  const { kind, phase, verdict, reasons, app, appFacts, person, facts, time } = record;
  if ((kind !== 'grant' && kind !== 'access') || (phase !== 'single' && phase !== 'opening')) return undefined;
  const reason = reasons[0];
  if (verdict === 'none' || reason === undefined || !ofPolicies[kind].has(reason)) return undefined;
  if (person === undefined) return 'person';
  if (app === undefined || appFacts === undefined) return 'app';
  const act = appFacts.kind === 'http' ? 'request' : 'connect';
  const missing: MissingPart[] = [];
  let request: RequestFacts | undefined;
  if (act === 'request' && record.request !== undefined) {
    const { method, host, path, operation = '' } = record.request;
    request = { method: method === 'HEAD' ? 'GET' : method, host, path, query: '', operation };
    missing.push('request.query');
    if (path.length >= maxRecordedPath) missing.push('request.path');
  }
  const noRequest = act === 'request' && request === undefined;
  if (noRequest && kind === 'access') missing.push('request');
  if (record.from === undefined) missing.push('network');
  return {
    kind,
    verdict,
    record,
    policies: record.policies ?? [],
    facts,
    person,
    app: { id: app, ...appFacts },
    act,
    request,
    address: record.from ?? '',
    at: time,
    missing,
    open: kind === 'access' ? [] : noRequest ? ['request', 'network'] : ['network'],
    merged: (record.count ?? 1) - 1,
  };
}

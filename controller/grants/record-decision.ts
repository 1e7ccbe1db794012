/** The record of a decision, and the snapshot of the facts that it rests on (P24, P32). */
import type { App } from '#shared/contracts/app.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Facts, RequestFacts } from '../policy/facts.ts';
import type { Trx } from '../store/open-store.ts';
import type { GrantAsk } from './issue-grant.ts';
import { snapshotFacts } from './snapshot-facts.ts';
import { toldOfApp } from './told-of-app.ts';

export interface Decided {
  readonly record: AccessRecord;
  readonly facts: Facts;
  /** Whole, with the query that the record does not have. */
  readonly request: RequestFacts | undefined;
}

interface Recording {
  readonly ask: Pick<GrantAsk, 'device' | 'app' | 'act' | 'trace'>;
  readonly at: number;
  readonly facts: Facts;
  readonly app: App | undefined;
  readonly epoch: number;
  readonly onRecord: (recorded: Decided) => void;
}
interface Recorded {
  readonly verdict: 'allow' | 'deny';
  readonly reasons: readonly Reason[];
  readonly policies: readonly string[];
  readonly errors: readonly string[];
  readonly request: RequestFacts | undefined;
  readonly grant?: string;
  /** The one gateway of a grant for one use (P18). */
  readonly gateway?: string | undefined;
}

/** Snapshots the facts; returns what records a verdict on them, once, and gives the snapshot's address. */
export async function recordDecisions(trx: Trx, { ask, at, facts, app, epoch, onRecord }: Recording) {
  const snapshot = await snapshotFacts(trx, at, facts);
  return async ({ verdict, reasons, policies, errors, request, grant, gateway }: Recorded): Promise<string> => {
    const record = await appendRecord(trx, at, {
      kind: 'grant',
      trace: ask.trace,
      verdict,
      reasons: [...reasons],
      person: facts.person.id,
      device: ask.device,
      ...(facts.session === null ? {} : { session: facts.session.id }),
      app: ask.app,
      ...toldOfApp(app, ask.act),
      from: facts.network.address.slice(0, 64),
      epoch,
      policies: policies.slice(0, 64),
      facts: snapshot,
      ...(grant === undefined ? {} : { grant }),
      ...(request === undefined ? {} : { request: recordRequest(request) }),
      ...detailsOf(errors, gateway),
    });
    onRecord({ record, facts, request });
    return snapshot;
  };
}

function detailsOf(errors: readonly string[], gateway: string | undefined): { details?: Record<string, unknown> } {
  const details = {
    ...(gateway === undefined ? {} : { use: 'once', gateway }),
    ...(errors.length === 0 ? {} : { errors: errors.slice(0, 8).map((text) => text.slice(0, 500)) }),
  };
  return Object.keys(details).length === 0 ? {} : { details };
}

/** A query is never recorded (P24). */
function recordRequest({ method, host, path, operation }: RequestFacts) {
  return { method, host, path, ...(operation === '' ? {} : { operation }) };
}

/**
 * Evaluations on record, where the setting `services.records` wants it: one record for each evaluation and each page of a
 * search, written before the answer leaves, so that what cannot be recorded is not answered.
 */
import type { Clock } from '#shared/base/clock.ts';
import type { Decided } from '../authzen/decision-point.ts';
import type { Evaluation, Search } from '../authzen/read-request.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';

export interface Asked {
  readonly client: string;
  readonly store: string;
  readonly trace: string;
  readonly from: string;
}

export interface Answered {
  readonly asked: Evaluation | undefined;
  readonly decided: Decided;
}

const maxName = 200;
const cut = (name: string): string => name.slice(0, maxName).toWellFormed();
const short = ({ type, id }: Evaluation['subject']) => ({ type: cut(type), id: cut(id) });

export interface RecordParts {
  readonly db: Db;
  readonly clock: Clock;
}

export async function recordEvaluations(
  { db, clock }: RecordParts,
  asked: Asked,
  all: readonly Answered[],
): Promise<void> {
  const at = clock.now();
  await db.transaction().execute(async (trx) => {
    for (const { asked: one, decided } of all) {
      const about = one && { subject: short(one.subject), action: cut(one.action.name), resource: short(one.resource) };
      const reason = decided.context?.['reason'];
      await appendRecord(trx, at, {
        kind: 'authzen',
        verdict: decided.decision ? 'allow' : 'deny',
        actor: `client ${asked.client}`,
        trace: asked.trace,
        from: asked.from,
        policies: decided.policies.slice(0, 64).map((id) => id.slice(0, 128).toWellFormed()),
        event: 'evaluation',
        details: { store: asked.store, ...about, reason: reason ?? 'error' },
      });
    }
  });
}

export async function recordSearch(
  { db, clock }: RecordParts,
  asked: Asked,
  { kind, about }: Search,
  results: number,
): Promise<void> {
  await appendRecord(db, clock.now(), {
    kind: 'authzen',
    actor: `client ${asked.client}`,
    trace: asked.trace,
    from: asked.from,
    event: `${kind}-search`,
    details: {
      store: asked.store,
      subject: short(about.subject),
      action: cut(about.action.name),
      resource: short(about.resource),
      results,
    },
  });
}

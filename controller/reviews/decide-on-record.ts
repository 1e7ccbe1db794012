/** A decision, and the attempt where it comes to nothing: whoever came second is on record too. */
import { PosternError } from '#shared/base/errors.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';
import { type Deciding, decideRows } from './decide-rows.ts';

/** By code of the error. */
export type Refusals = Readonly<Partial<Record<string, DenyReason>>>;

/** Throws as `decideRows` does. `refusals`: which of its errors become a record `decision-refused`, for what reason. */
export async function decideOnRecord(
  db: Db,
  at: number,
  order: Deciding,
  refusals: Refusals,
): Promise<{ decided: number }> {
  try {
    return await db.transaction().execute((trx) => decideRows(trx, at, order));
  } catch (error) {
    const reason = error instanceof PosternError ? refusals[error.code] : undefined;
    if (reason !== undefined) {
      const { review, decision, rows, by } = order;
      await appendRecord(db, at, {
        ...{ kind: 'review', event: 'decision-refused', verdict: 'deny', reasons: [reason], ...by },
        details: { review, decision, rows },
      });
    }
    throw error;
  }
}

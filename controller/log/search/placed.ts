/** Records with their positions, as the index reads them. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../../store/open-store.ts';
import { tryRecord } from '../read-row.ts';

export interface Placed {
  readonly position: number;
  readonly record: AccessRecord;
}

export interface PlacedRow {
  readonly position: number;
  readonly leaf: string;
  readonly disclosures: string;
}

export const placedColumns = ['position', 'leaf', 'disclosures'] as const;

/** Undefined for a record that somebody made unreadable: `log verify` names it, and a search finds all others. */
export function placedOf({ position, leaf, disclosures }: PlacedRow): Placed | undefined {
  const record = tryRecord({ leaf, disclosures });
  return typeof record === 'string' ? undefined : { position, record };
}

/** In no order; those that are gone are missing. At most 1,000. */
export async function readRecordsAt(db: Db, positions: readonly number[]): Promise<Placed[]> {
  if (positions.length === 0) return [];
  const rows = await db
    .selectFrom('records')
    .select([...placedColumns])
    .where('position', 'in', [...positions])
    .execute();
  return rows.flatMap((row) => placedOf(row) ?? []);
}

/** Snapshots of facts (P32): content-addressed, so that what has not changed is stored once. */
import { sha256 } from '#shared/base/bytes.ts';
import { day } from '#shared/base/clock.ts';
import type { Facts } from '../policy/facts.ts';
import type { Trx } from '../store/open-store.ts';

/** Returns the address: hex SHA-256 of the facts as canonical JSON (members in the order of their names). */
export async function snapshotFacts(trx: Trx, at: number, facts: Facts): Promise<string> {
  const text = canonicalJson(facts);
  const id = sha256(text).toString('hex');
  await trx
    .insertInto('fact_snapshots')
    .values({ id, facts: text, first_at: at, last_at: at })
    // When it was last used decides when it is pruned; to a day, so that most grants write nothing.
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet({ last_at: at })
        .where('fact_snapshots.last_at', '<', at - day),
    )
    .execute();
  return id;
}

export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

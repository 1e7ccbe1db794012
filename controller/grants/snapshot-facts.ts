/** Snapshots of facts (P32): content-addressed, so that what has not changed is stored once. */
import { sha256 } from '#shared/base/bytes.ts';
import type { Facts } from '../policy/facts.ts';
import type { Trx } from '../store/open-store.ts';

/** Returns the address: hex SHA-256 of the facts as canonical JSON (members in the order of their names). */
export async function snapshotFacts(trx: Trx, at: number, facts: Facts): Promise<string> {
  const text = canonicalJson(facts);
  const id = sha256(text).toString('hex');
  await trx
    .insertInto('fact_snapshots')
    .values({ id, facts: text, first_at: at })
    .onConflict((conflict) => conflict.column('id').doNothing())
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

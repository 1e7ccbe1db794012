/** The places beside the log where the store names a person. A table that names people belongs here: test/attacks/p34-erasing.test.ts looks for it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StreamChange } from '#shared/contracts/gateway-to-controller.ts';
import { eraseFromReviews } from '../reviews/erase-from-reviews.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { isNamed } from './erase-from-record.ts';

/** What stands where somebody made or decided something, once they are erased. */
const nobody = 'erased';
const atOnce = 200;

const named = [
  ['policy_versions', 'by'],
  ['policy_drafts', 'by'],
  ['policy_drafts', 'decided_by'],
  ['shadow_runs', 'by'],
  ['api_clients', 'created_by'],
  ['policy_stores', 'by'],
  ['log_streams', 'created_by'],
  ['log_anchors', 'created_by'],
  ['invitations', 'created_by'],
  ['erasures', 'actor'],
  ['legal_holds', 'created_by'],
  ['reviews', 'created_by'],
  ['reviews', 'closed_by'],
] as const;
const owned = ['factors', 'recovery_codes', 'sessions', 'sign_in_flows', 'admin_sessions', 'grants'] as const;

/**
 * Who is gone has nothing running any more: what is left are rows that tell of them. `since`: when `eraseReviewRows` was done before, of which there
 * may be a hundred thousand in each review.
 */
export async function eraseElsewhere(trx: Trx, person: string, since: number): Promise<void> {
  const devices = (await trx.selectFrom('devices').select('id').where('person_id', '=', person).execute()).map(
    ({ id }) => id,
  );
  for (let at = 0; at < devices.length; at += atOnce)
    await trx
      .deleteFrom('posture_facts')
      .where('device_id', 'in', devices.slice(at, at + atOnce))
      .execute();
  await trx.deleteFrom('devices').where('person_id', '=', person).execute();
  for (const table of owned) await trx.deleteFrom(table).where('person_id', '=', person).execute();
  await trx.deleteFrom('group_members').where('person_id', '=', person).execute();
  await trx.deleteFrom('shadow_disagreements').where('person_id', '=', person).execute();
  await trx.deleteFrom('invitations').where('subject', '=', person).where('kind', '!=', 'gateway').execute();
  await trx.deleteFrom('revocations').where('kind', '=', 'person').where('id', '=', person).execute();
  // "0" is what comes after "/".
  const [first, after] = [`sign-in:${person}/`, `sign-in:${person}0`];
  await trx.deleteFrom('throttle').where('key', '>=', first).where('key', '<', after).execute();
  for (const [table, column] of named)
    await trx
      .updateTable(table)
      .set({ [column]: nobody })
      .where(column as never, '=', person as never)
      .execute();
  await eraseHoldNotes(trx, person);
  await eraseFromReviews(trx, person, since);
  await eraseChanges(trx, person);
  await trx.deleteFrom('people').where('id', '=', person).execute();
}

/** Holds on others, whose reason names the person. */
async function eraseHoldNotes(trx: Trx, person: string): Promise<void> {
  const who = await trx.selectFrom('people').select(['name', 'email']).where('id', '=', person).executeTakeFirst();
  const names = [person, who?.name, who?.email].filter((name) => name != null && name !== '') as string[];
  for (const { id, because } of await trx.selectFrom('legal_holds').select(['id', 'because']).execute())
    if (isNamed(because, names))
      await trx.updateTable('legal_holds').set({ because: nobody }).where('id', '=', id).execute();
}

/** The change log tells gateways what was taken back: of who is gone for so long, nothing is alive. */
async function eraseChanges(trx: Trx, person: string): Promise<void> {
  const rows = await trx
    .selectFrom('changes')
    .select(['n', 'changes'])
    .where('changes', 'like', `%${person.replace(/[%_]/g, '_')}%`)
    .execute();
  for (const { n, changes } of rows) {
    const kept = (JSON.parse(changes) as StreamChange[]).map((change) =>
      change.kind === 'revoke'
        ? { ...change, revocations: change.revocations.filter(({ kind, id }) => kind !== 'person' || id !== person) }
        : change,
    );
    await trx
      .updateTable('changes')
      .set({ changes: JSON.stringify(kept) })
      .where('n', '=', n)
      .execute();
  }
}

/** Snapshots of facts are each of one person. Again and again without harm; returns how many went. */
export async function eraseSnapshots(db: Db, person: string): Promise<number> {
  let removed = 0;
  for (let after = ''; ; ) {
    const rows = await db
      .selectFrom('fact_snapshots')
      .select(['id', 'facts'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(atOnce)
      .execute();
    const own = rows.filter(({ facts }) => facts.includes(person) && personOf(facts) === person).map(({ id }) => id);
    if (own.length > 0) await db.deleteFrom('fact_snapshots').where('id', 'in', own).execute();
    removed += own.length;
    if (rows.length < atOnce) return removed;
    after = rows.at(-1)!.id;
    await nextTurn();
  }
}

const personOf = (facts: string): string | undefined =>
  (JSON.parse(facts) as { readonly person?: { readonly id?: string } }).person?.id;

/** Runs of drafts beside the version in force, as the store keeps them. */

import { randomId, sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { appendRecord } from '../log/append-record.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import type { ShadowSums } from './shadow-judge.ts';

export type ShadowRun = Tables['shadow_runs'];
export type EndedBecause = 'time' | 'stopped' | 'failed' | 'unreadable';

export interface Who {
  readonly actor: string;
  readonly because?: string | undefined;
  readonly trace?: string | undefined;
}

/** Runs kept, with the one that runs; and disagreements of one run, beyond which they are only counted. */
const kept = { runs: 10, disagreements: 10_000 } as const;

/** Throws `conflict` while another runs. */
export async function beginRun(
  trx: Trx,
  at: number,
  { files, endsAt, who }: { readonly files: readonly PolicyFile[]; readonly endsAt: number; readonly who: Who },
): Promise<ShadowRun> {
  if ((await runningRun(trx)) !== undefined) {
    const tell = 'A draft runs beside the version in force already: stop it first.';
    throw new PosternError('conflict', tell, { tell });
  }
  const counts = { judged: 0, disagreed: 0, undetermined: 0, failed: 0, missed: 0 };
  const text = JSON.stringify(files);
  const id = `shadow_${randomId()}`;
  const ended = { ended_at: null, ended_because: null };
  const run: ShadowRun = { id, files: text, by: who.actor, started_at: at, ends_at: endsAt, ...ended, ...counts };
  await trx.insertInto('shadow_runs').values(run).execute();
  await forgetOld(trx);
  const draft = `files ${sha256(text).toString('hex').slice(0, 16)}`;
  await record(trx, at, who, 'shadow-started', { run: id, draft, endsAt });
  return run;
}

export function runningRun(db: Db): Promise<ShadowRun | undefined> {
  return db.selectFrom('shadow_runs').selectAll().where('ended_at', 'is', null).executeTakeFirst();
}

/** In the order in which they began, the newest first. */
export function listRuns(db: Db): Promise<ShadowRun[]> {
  return db.selectFrom('shadow_runs').selectAll().orderBy('started_at', 'desc').limit(kept.runs).execute();
}

export async function endRun(trx: Trx, at: number, id: string, because: EndedBecause, who: Who): Promise<void> {
  const ended = await trx
    .updateTable('shadow_runs')
    .set({ ended_at: at, ended_because: because })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  if (ended.numUpdatedRows === 0n) return;
  const run = await trx.selectFrom('shadow_runs').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const { judged, disagreed, failed, missed } = run;
  await record(trx, at, who, 'shadow-ended', { run: id, why: because, judged, disagreed, failed, missed });
}

export async function addSums(trx: Trx, run: string, sums: ShadowSums, missed: number): Promise<void> {
  const { judged, disagreed, undetermined, failed, disagreements } = sums;
  await trx
    .updateTable('shadow_runs')
    .set((eb) => ({
      judged: eb('judged', '+', judged),
      disagreed: eb('disagreed', '+', disagreed),
      undetermined: eb('undetermined', '+', undetermined),
      failed: eb('failed', '+', failed),
      missed: eb('missed', '+', missed),
    }))
    .where('id', '=', run)
    .execute();
  if (disagreements.length === 0) return;
  let room = kept.disagreements - (await countOf(trx, run));
  for (const { direction, person, app, reason, policies, count, first, last, trace } of disagreements) {
    const key = { run, direction, person_id: person, app_id: app, reason, policies: JSON.stringify(policies) };
    const updated = await trx
      .updateTable('shadow_disagreements')
      .set((eb) => ({ count: eb('count', '+', count), last_at: last, trace }))
      .where((eb) => eb.and(key))
      .executeTakeFirst();
    if (updated.numUpdatedRows > 0n || room <= 0) continue;
    room -= 1;
    const row = { ...key, count, first_at: first, last_at: last, trace };
    await trx.insertInto('shadow_disagreements').values(row).execute();
  }
}

async function countOf(trx: Trx, run: string): Promise<number> {
  const row = await trx
    .selectFrom('shadow_disagreements')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('run', '=', run)
    .executeTakeFirst();
  return Number(row?.n ?? 0);
}

export function disagreementsOf(db: Db, run: string, limit: number) {
  return db
    .selectFrom('shadow_disagreements')
    .selectAll()
    .where('run', '=', run)
    .orderBy('count', 'desc')
    .orderBy('last_at', 'desc')
    .limit(limit)
    .execute();
}

async function forgetOld(trx: Trx): Promise<void> {
  const all = await trx.selectFrom('shadow_runs').select('id').orderBy('started_at', 'desc').execute();
  const old = all.slice(kept.runs).map(({ id }) => id);
  if (old.length === 0) return;
  await trx.deleteFrom('shadow_disagreements').where('run', 'in', old).execute();
  await trx.deleteFrom('shadow_runs').where('id', 'in', old).execute();
}

async function record(
  trx: Trx,
  at: number,
  { actor, because, trace }: Who,
  event: RecordEvent<'policy'>,
  details: object,
): Promise<void> {
  await appendRecord(trx, at, {
    kind: 'policy',
    actor,
    ...(because === undefined ? {} : { because }),
    ...(trace === undefined ? {} : { trace }),
    event,
    details: { ...details },
  });
}

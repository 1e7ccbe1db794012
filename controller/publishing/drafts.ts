/** Drafts of versions that wait for a second administrator. Whoever wrote one cannot approve it. */

import { randomId } from '#shared/base/bytes.ts';
import { day } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { appendRecord } from '../log/append-record.ts';
import type { PolicyDraft } from '../policy/judge-draft.ts';
import type { PolicyProblem } from '../policy/policy-set.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { loadKnown } from './load-known.ts';
import { type Published, type PublishParts, publishPolicy } from './publish.ts';
import { refuseFailedTests, requireEpoch, usableSet } from './store-version.ts';
import { readVersion, writeVersion } from './version-files.ts';

export type DraftRow = Tables['policy_drafts'];

const lifeMs = 7 * day;
const mostWaiting = 100;
/** Decided ones are shown that long; their files go with them. */
const keptMs = 30 * day;

interface Who {
  readonly actor: string;
  readonly because?: string | undefined;
  readonly trace?: string | undefined;
}

export interface DraftOrder extends PolicyDraft, Who {
  readonly message: string;
  readonly expectedEpoch?: number | undefined;
}

/** Throws as publishing does, and `conflict` when too many wait already. */
export async function makeDraft(
  parts: PublishParts,
  { files, tests, message, expectedEpoch, ...who }: DraftOrder,
): Promise<{ draft: DraftRow; warnings: readonly PolicyProblem[] }> {
  const judged = await parts.judge({ files, tests }, await loadKnown(parts.db));
  const at = parts.clock.now();
  return parts.db.transaction().execute(async (trx) => {
    const base = await epochInForce(trx);
    requireEpoch(base, expectedEpoch);
    const set = usableSet(judged, base + 1, await loadKnown(trx));
    refuseFailedTests(judged);
    await forgetOld(trx, at);
    if ((await waiting(trx, at)).length >= mostWaiting)
      throw new PosternError('conflict', undefined, {
        tell: `${mostWaiting} drafts wait already: decide on some first.`,
      });
    const draft: DraftRow = {
      id: `draft_${randomId()}`,
      ...writeVersion(judged.draft),
      policies: set.policies.length,
      by: who.actor,
      message,
      because: who.because ?? null,
      base_epoch: base,
      at,
      ends_at: at + lifeMs,
      state: 'waiting',
      decided_by: null,
      decided_at: null,
      epoch: null,
    };
    await trx.insertInto('policy_drafts').values(draft).execute();
    await record(trx, at, who, 'drafted', draft, { message, base });
    return { draft, warnings: set.warnings };
  });
}

/** Throws `conflict` for the author, for a draft that waits no more, and when another version is in force by now. */
export async function approveDraft(parts: PublishParts, id: string, who: Who): Promise<Published> {
  const at = parts.clock.now();
  const draft = await requireWaiting(parts.db, id, at);
  if (draft.by === who.actor) {
    await record(parts.db, at, who, 'approval-refused', draft, { why: 'author' });
    throw refuse('You wrote this draft: another administrator must approve it.');
  }
  requireEpoch(await epochInForce(parts.db), draft.base_epoch);
  const { actor, because, trace } = who;
  const order = { message: draft.message, author: draft.by, expectedEpoch: draft.base_epoch, actor, because, trace };
  const also = (trx: Trx, epoch: number) => decide(trx, at, who, draft, { state: 'approved', epoch });
  return publishPolicy(parts, { ...order, ...readVersion(draft), also });
}

/** Also by its author. */
export async function rejectDraft(trx: Trx, at: number, id: string, who: Who): Promise<DraftRow> {
  return decide(trx, at, who, await requireWaiting(trx, id, at), { state: 'rejected' });
}

/** Those that wait and those decided lately, the newest first. One whose time is over is `expired`. */
export async function listDrafts(db: Db, at: number): Promise<DraftRow[]> {
  const rows = await db
    .selectFrom('policy_drafts')
    .selectAll()
    .orderBy('at', 'desc')
    .orderBy('id')
    .limit(500)
    .execute();
  return rows.map((row) => ({ ...row, state: stateOf(row, at) }));
}

/** Throws `not-found`. */
export async function findDraft(db: Db, id: string, at: number): Promise<DraftRow> {
  const row = await db.selectFrom('policy_drafts').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new PosternError('not-found', `no draft ${id}`, { tell: 'There is no such draft.' });
  return { ...row, state: stateOf(row, at) };
}

const stateOf = ({ state, ends_at }: DraftRow, at: number): string =>
  state === 'waiting' && ends_at <= at ? 'expired' : state;

const waiting = async (db: Db, at: number): Promise<DraftRow[]> =>
  (await listDrafts(db, at)).filter(({ state }) => state === 'waiting');

async function requireWaiting(db: Db, id: string, at: number): Promise<DraftRow> {
  const draft = await findDraft(db, id, at);
  if (draft.state !== 'waiting') throw refuse(`This draft is ${draft.state}.`);
  return draft;
}

async function decide(
  trx: Trx,
  at: number,
  who: Who,
  draft: DraftRow,
  { state, epoch }: { readonly state: 'approved' | 'rejected'; readonly epoch?: number },
): Promise<DraftRow> {
  const decided = { state, epoch: epoch ?? null, decided_by: who.actor, decided_at: at };
  const changed = await trx
    .updateTable('policy_drafts')
    .set(decided)
    .where('id', '=', draft.id)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  if (changed.numUpdatedRows !== 1n) throw refuse('This draft was decided on just now.');
  await record(trx, at, who, state, draft, { author: draft.by, ...(epoch === undefined ? {} : { epoch }) });
  return { ...draft, ...decided };
}

async function forgetOld(trx: Trx, at: number): Promise<void> {
  await trx
    .deleteFrom('policy_drafts')
    .where('ends_at', '<', at - keptMs)
    .execute();
}

async function epochInForce(db: Db): Promise<number> {
  const row = await db.selectFrom('policy_versions').select('epoch').where('in_force', '=', 1).executeTakeFirst();
  return row?.epoch ?? 0;
}

async function record(
  db: Db,
  at: number,
  who: Who,
  event: RecordEvent<'policy'>,
  draft: DraftRow,
  details: object,
): Promise<void> {
  const { actor, because, trace } = who;
  await appendRecord(db, at, {
    kind: 'policy',
    actor,
    ...(because === undefined ? {} : { because }),
    ...(trace === undefined ? {} : { trace }),
    event,
    details: { draft: draft.id, policies: draft.policies, ...details },
  });
}

const refuse = (tell: string): PosternError => new PosternError('conflict', undefined, { tell });

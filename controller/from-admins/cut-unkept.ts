/** A cut while the disk of the controller takes nothing: told to gateways at once, and plainly not kept. */
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { CutReport } from '#shared/contracts/admin-objects.ts';
import type { Revocation } from '#shared/contracts/gateway-to-controller.ts';
import { requireThere } from '../admin/take-back.ts';
import { columnOf } from '../revocation/revoke.ts';
import type { UnkeptCut } from '../revocation/unkept-cuts.ts';
import { readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts } from './admin-parts.ts';

export interface CutAsked {
  readonly kind: Revocation['kind'] | 'gateway';
  readonly id: string;
  readonly because?: string | undefined;
}

const patienceMs = 3 * second;

/**
 * What `keep` does, or, where the disk does not take it, the cut alone. A gateway is not cut so: it would come back on its own. Throws what `keep` throws
 * otherwise.
 */
export async function keptOrCut(
  parts: Pick<AdminParts, 'db' | 'clock' | 'streams' | 'log'>,
  caller: AdminCaller,
  asked: CutAsked,
  keep: () => Promise<CutReport>,
): Promise<CutReport> {
  try {
    const report = await keep();
    parts.streams.unkept.madeAgain(asked.kind, asked.id);
    return report;
  } catch (error) {
    const isDisk = error instanceof PosternError && (error.code === 'disk-full' || error.code === 'disk-failed');
    const { kind, id, because } = asked;
    if (!isDisk || kind === 'gateway') throw error;
    const { db, clock, streams, log } = parts;
    // The transaction may have failed before it came to this.
    if (kind !== 'everything') await requireThere(db, clock.now(), kind, id);
    const site = kind === 'app' ? await siteOf(db, id) : undefined;
    const ends = await grantEnds(db, clock.now(), kind, id);
    const cut = streams.cutUnkept({ kind, id, because, site, actor: caller.actor }, await readChange(db));
    log.error(
      { err: error, cut: cut.id, kind, id, actor: caller.actor, because },
      'gateways cut what is not kept here',
    );
    return report(parts, cut, ends);
  }
}

async function siteOf(db: Db, id: string): Promise<string | undefined> {
  return (await db.selectFrom('apps').select('site').where('id', '=', id).executeTakeFirst())?.site;
}

async function grantEnds(db: Db, at: number, kind: Revocation['kind'], id: string): Promise<number[]> {
  const alive = db.selectFrom('grants').select('ends_at').where('ends_at', '>', at);
  const rows = await (kind === 'everything' ? alive : alive.where(columnOf[kind], '=', id)).execute();
  return rows.map(({ ends_at }) => ends_at);
}

async function report(
  { db, streams }: Pick<AdminParts, 'db' | 'streams'>,
  cut: UnkeptCut,
  ends: readonly number[],
): Promise<CutReport> {
  const all = db.selectFrom('gateways').select('id').where('state', '=', 'active').orderBy('id');
  const rows = await (cut.site === undefined ? all : all.where('site', '=', cut.site)).execute();
  const until = performance.now() + patienceMs;
  const waits = () => rows.some(({ id }) => streams.connected().has(id) && !cut.confirmed.has(id));
  while (waits() && performance.now() < until) await streams.unkept.nextConfirmed(250);
  const last = ends.length === 0 ? {} : { lastGrantEndsAt: ends.reduce((a, b) => Math.max(a, b)) };
  const gateways = rows.map(({ id }): CutReport['gateways'][number] => {
    const done = cut.confirmed.get(id);
    return done === undefined
      ? { gateway: id, state: 'waiting', streamsCut: 0, ...last }
      : { gateway: id, state: 'applied', streamsCut: done.streams, appliedAfterMs: done.afterMs };
  });
  const unkept = { until: cut.revocation.until };
  return { change: 0, at: cut.at, grants: ends.length, sessions: 0, gateways, complete: false, unkept };
}

/** Apps: adding, changing and removing, with what gateways must hear of it and the grants that rest on it (P14). */
import { isDeepStrictEqual } from 'node:util';
import { PosternError } from '#shared/base/errors.ts';
import type { App, HttpApp } from '#shared/contracts/app.ts';
import type { AppKeySet } from '#shared/contracts/gateway-to-controller.ts';
import { type KeySetAuthority, readKeySets } from '../from-gateways/gateway-state.ts';
import type { Decider } from '../grants/decider.ts';
import { loadApp, loadApps } from '../grants/load-facts.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { revoke } from '../revocation/revoke.ts';
import { nextChange } from '../store/changes.ts';
import { claimName, retireName } from '../store/gone-names.ts';
import type { Trx } from '../store/open-store.ts';
import { checkOrigins, checkUpstream, unfit } from './check-upstream.ts';
import { requireAll } from './put-group.ts';

export interface AppParts {
  readonly decider: Decider;
  readonly authority: KeySetAuthority;
}

export interface PutApp {
  readonly before: App | undefined;
  readonly how: 'add' | 'change' | 'same';
}

/** Throws `bad-request` for what does not fit together, `conflict` for a host or id that is taken. */
export async function putApp(trx: Trx, at: number, parts: AppParts, app: App): Promise<PutApp> {
  const before = await loadApp(trx, app.id);
  if (before !== undefined && isDeepStrictEqual(before, app)) return { before, how: 'same' };
  await checkApp(trx, at, app);
  const row = { site: app.site, kind: app.kind, definition: JSON.stringify(app) };
  if (before === undefined) {
    await claimName(trx, 'app', app.id);
    await trx
      .insertInto('apps')
      .values({ id: app.id, ...row, created_at: at })
      .execute();
  } else {
    await trx.updateTable('apps').set(row).where('id', '=', app.id).execute();
  }
  if (before !== undefined && before.site !== app.site) await tellGone(trx, at, parts, before);
  const keySets = app.kind === 'http' || before?.kind === 'http' ? await keySetsOf(trx, app.site, parts) : [];
  await nextChange(trx, at, [{ kind: 'app', app }, ...keySets], app.site);
  if (before === undefined) return { before, how: 'add' };
  if (before.site !== app.site || before.kind !== app.kind) {
    // Those grants name another audience or another action: none of them can be right.
    await revoke(trx, at, [{ kind: 'app', ids: [app.id], reason: 'facts-changed' }]);
  } else {
    await redecideGrants(parts.decider, trx, at, { app: app.id }, 'facts-changed');
  }
  return { before, how: 'change' };
}

/** Takes every grant back and what runs on them. Throws `not-found`, or `conflict` while a policy in force names it. */
export async function removeApp(
  trx: Trx,
  at: number,
  parts: AppParts,
  id: string,
): Promise<{ before: App; n: number; grants: number }> {
  const before = await loadApp(trx, id);
  if (before === undefined) throw new PosternError('not-found', `no app ${id}`, { tell: 'There is no such app.' });
  const policies = parts.decider.policy()?.policies ?? [];
  const naming = policies.find(({ entities }) => entities.some((e) => e.type === 'App' && e.id === id));
  if (naming !== undefined) {
    throw new PosternError('conflict', `policy ${naming.name} names app ${id}`, {
      tell: `The policy "${naming.name}" names this app: publish policies without it first.`,
    });
  }
  // While the app has a site: the gateways of others do not learn its name (P1).
  const { n, grants } = await revoke(trx, at, [{ kind: 'app', ids: [id], reason: 'revoked' }]);
  await trx.deleteFrom('apps').where('id', '=', id).execute();
  await trx.deleteFrom('floors').where('app_id', '=', id).execute();
  await retireName(trx, at, 'app', id);
  await tellGone(trx, at, parts, before);
  return { before, n, grants };
}

async function tellGone(trx: Trx, at: number, parts: AppParts, { id, site, kind }: App): Promise<void> {
  const keySets = kind === 'http' ? await keySetsOf(trx, site, parts) : [];
  await nextChange(trx, at, [{ kind: 'app-gone', id }, ...keySets], site);
}

async function keySetsOf(
  trx: Trx,
  site: string,
  { authority }: AppParts,
): Promise<[{ kind: 'key-sets'; keySets: AppKeySet[] }]> {
  return [{ kind: 'key-sets', keySets: await readKeySets(trx, site, authority) }];
}

async function checkApp(trx: Trx, at: number, app: App): Promise<void> {
  const sites = await trx.selectFrom('sites').select('id').where('id', '=', app.site).execute();
  requireAll('site', [app.site], sites);
  const groups = app.groups ?? [];
  if (groups.length > 0) {
    const known = await trx.selectFrom('app_groups').select('id').where('id', 'in', groups).execute();
    requireAll('group of apps', groups, known);
  }
  checkUpstream(app, at);
  if (app.kind === 'http') checkOrigins(app);
  if (app.kind === 'http') checkOnce(app);
  const mine = new Set(doorsOf(app));
  if (mine.size !== doorsOf(app).length) throw unfit(app, 'a host is named twice');
  for (const other of await loadApps(trx)) {
    if (other.id === app.id) continue;
    const taken = doorsOf(other).find((door) => mine.has(door));
    // Agents tell apps apart by these names alone.
    if (taken === undefined) continue;
    throw new PosternError('conflict', `${taken} belongs to app ${other.id}`, {
      tell: `${taken} belongs to the app "${other.id}".`,
    });
  }
}

/** A name that is none would be granted for many, and nobody would notice. */
function checkOnce(app: HttpApp): void {
  const none = app.once?.find((name) => !Object.hasOwn(app.operations ?? {}, name));
  if (none !== undefined) throw unfit(app, `${none} is to be granted for one use, and it is none of its operations`);
}

/** The names under which an app is asked for. */
function doorsOf(app: App): string[] {
  return app.kind === 'http' ? [...app.hosts] : [`${app.host}:${app.port}`];
}

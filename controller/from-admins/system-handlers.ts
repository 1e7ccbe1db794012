/** Status, whole descriptions and backups. */
import { isDeepStrictEqual } from 'node:util';
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import type { adminSystem } from '#shared/contracts/admin-system.ts';
import { type Applied, applyBundle, isSameVersion } from '../admin/apply-bundle.ts';
import { exportBundle } from '../admin/export-bundle.ts';
import { showGroups } from '../admin/show-people.ts';
import { showStatus } from '../admin/show-status.ts';
import { writeBackup } from '../admin/write-backup.ts';
import { loadApps } from '../grants/load-facts.ts';
import type { Judged } from '../policy/judge-draft.ts';
import { knownWith, loadKnown } from '../publishing/load-known.ts';
import { takeInForce } from '../publishing/publish.ts';
import { requireNoApproval } from '../publishing/settings.ts';
import { versionInForce } from '../publishing/version-files.ts';
import type { Trx } from '../store/open-store.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

/** Thrown to roll a dry run back; never leaves this file. */
class DryRun extends Error {
  readonly applied: Applied;
  constructor(applied: Applied) {
    super('a dry run is rolled back');
    this.applied = applied;
  }
}

/** Undefined when there is nothing to publish. */
async function judgePolicies({ db, judge }: AdminParts, bundle: Bundle, first: boolean): Promise<Judged | undefined> {
  const { policies: files, policyTests: tests = [] } = bundle;
  if (files === undefined) return undefined;
  if (isSameVersion(await versionInForce(db), bundle)) return undefined;
  return judge({ files, tests }, knownWith(await loadKnown(db), bundle), first);
}

interface Thing {
  readonly what: 'group' | 'app';
  readonly id: string;
  readonly is: object;
}

/** What reports of another day need to know of a change of many things at once. */
async function thingsNow(trx: Trx): Promise<Map<string, Thing>> {
  const groups = (await showGroups(trx)).map((is): Thing => ({ what: 'group', id: is.id, is }));
  const apps = (await loadApps(trx)).map((is): Thing => ({ what: 'app', id: is.id, is }));
  return new Map([...groups, ...apps].map((thing) => [`${thing.what} ${thing.id}`, thing]));
}

function changedThings(before: ReadonlyMap<string, Thing>, after: ReadonlyMap<string, Thing>) {
  return [...new Map([...before, ...after])].flatMap(([key, { what, id }]) => {
    const [was, is] = [before.get(key)?.is ?? null, after.get(key)?.is ?? null];
    return isDeepStrictEqual(was, is) ? [] : [{ what, id, before: was, after: is }];
  });
}

export function systemHandlers(parts: AdminParts): HandlersOf<typeof adminSystem> {
  const { db, clock, store, cuts } = parts;
  return {
    status: () => showStatus(parts),
    export: () => exportBundle(db),

    async apply({ body: { bundle, dryRun, message = 'applied' }, caller }) {
      const at = clock.now();
      const { actor, because, trace } = caller;
      const judged = await judgePolicies(parts, bundle, caller.standing === 'shell');
      if (judged !== undefined && !dryRun) await requireNoApproval(db, caller.standing);
      const order = { bundle, judged, actor, message, because, trace };
      // The dry run is the real thing without its end, so that the two cannot disagree.
      const applied = await db
        .transaction()
        .execute(async (trx) => {
          const before = dryRun ? undefined : await thingsNow(trx);
          const done = await applyBundle(trx, at, parts, order);
          if (dryRun) throw new DryRun(done);
          const changed = done.changes.filter(({ how }) => how !== 'same');
          if (before === undefined || changed.length === 0) return done;
          const things = changedThings(before, await thingsNow(trx));
          const details = { message, changed: changed.slice(0, 200), count: changed.length, things };
          await recordAdmin(trx, at, caller, { event: 'applied', details });
          return done;
        })
        .catch((error: unknown) => {
          if (error instanceof DryRun) return error.applied;
          throw error;
        });
      const { changes, warnings, set } = applied;
      const answer = { changes: [...changes], warnings: [...warnings] };
      if (dryRun || changes.every(({ how }) => how === 'same')) return answer;
      const taken = set === undefined ? undefined : await takeInForce(parts, set);
      const n = Math.max(applied.change, taken?.change ?? 0);
      const cut = await cuts.report({ n, after: applied.after, at, grants: taken?.revoked.length ?? 0, sessions: 0 });
      return { ...answer, cut, ...(set === undefined ? {} : { epoch: set.epoch }) };
    },

    async backup({ body: { file }, caller }) {
      // Recorded first, so that the copy holds the record of its own making.
      await recordAdmin(db, clock.now(), caller, { event: 'backup', details: { file } });
      return { file, bytes: writeBackup(store, file) };
    },
  };
}

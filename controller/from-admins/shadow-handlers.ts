/** A draft beside the version in force: started, looked at, ended. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminShadow, ShadowShown } from '#shared/contracts/admin-shadow.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import { loadKnown } from '../publishing/load-known.ts';
import { usableSet } from '../publishing/store-version.ts';
import { shadowLimits } from '../shadow/shadow.ts';
import { disagreementsOf, listRuns, type ShadowRun } from '../shadow/shadow-runs.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

const usualLimit = 1000;

export function shadowHandlers({ db, clock, judge, shadow }: AdminParts): HandlersOf<typeof adminShadow> {
  return {
    async startShadow({ body: { files, forMs }, caller: { actor, because, trace } }) {
      if (forMs < shadowLimits.least || forMs > shadowLimits.most)
        throw new PosternError('bad-request', undefined, {
          tell: 'A draft runs for a minute at least and 90 days at most.',
        });
      const known = await loadKnown(db);
      usableSet(await judge({ files, tests: [] }, known), 0, known);
      return showRun(await shadow.start(files, forMs, { actor, because, trace }));
    },

    async shadow({ query: { limit = usualLimit }, caller }) {
      await shadow.look();
      const [last, ...former] = await listRuns(db);
      // It tells who used what, as the log does (P34).
      const details = { run: last?.id ?? null };
      await recordAdmin(db, clock.now(), caller, { event: 'policy-shadow-read', kind: 'log', details });
      return { ...(last === undefined ? {} : { last: await show(db, last, limit) }), former: former.map(showRun) };
    },

    async stopShadow({ caller: { actor, because, trace } }) {
      await shadow.end({ actor, because, trace });
      const [last] = await listRuns(db);
      return show(db, last!, usualLimit);
    },
  };
}

async function show(db: Db, run: ShadowRun, limit: number): Promise<ShadowShown> {
  const rows = await disagreementsOf(db, run.id, limit);
  const disagreements = rows.map(
    ({ direction, person_id, app_id, reason, policies, count, first_at, last_at, trace }) => ({
      direction: direction as ShadowShown['disagreements'][number]['direction'],
      person: person_id,
      app: app_id,
      reason,
      policies: JSON.parse(policies) as string[],
      count,
      first: first_at,
      last: last_at,
      trace,
    }),
  );
  return { run: showRun(run), disagreements };
}

function showRun(run: ShadowRun): ShadowShown['run'] {
  const { id, by, files, judged, disagreed, undetermined, failed, missed } = run;
  return {
    id,
    by,
    startedAt: run.started_at,
    endsAt: run.ends_at,
    ...(run.ended_at === null ? {} : { endedAt: run.ended_at }),
    ...(run.ended_because === null
      ? {}
      : { endedBecause: run.ended_because as NonNullable<ShadowShown['run']['endedBecause']> }),
    policyFiles: (JSON.parse(files) as PolicyFile[]).length,
    judged,
    disagreed,
    undetermined,
    failed,
    missed,
  };
}

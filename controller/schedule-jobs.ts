/** The scheduled work of a controller, in one table. */
import { minute, second } from '#shared/base/clock.ts';
import type { Authority } from './authority/open-authority.ts';
import { tellDoubts } from './from-gateways/doubts.ts';
import { confirmedThrough, type FreshParts } from './from-gateways/fresh-gateways.ts';
import type { GatewayStreams } from './from-gateways/gateway-streams.ts';
import type { SilentGateways } from './from-gateways/silent-gateways.ts';
import { endLapsedSessions } from './jobs/end-sessions.ts';
import { prune } from './jobs/prune.ts';
import type { Job } from './jobs/run-jobs.ts';
import type { Pruner } from './log/retention/pruner.ts';
import type { SearchDesk } from './log/search/search-desk.ts';
import type { LogStreams } from './log-streams/log-streams.ts';
import { reviewLapses } from './posture/review-lapses.ts';
import type { PostureParts } from './posture/take-report.ts';
import { raiseFloors } from './publishing/raise-floors.ts';
import { recordUnkept } from './revocation/record-unkept.ts';
import type { Shadow } from './shadow/shadow.ts';
import type { Db } from './store/open-store.ts';

export interface JobParts {
  readonly db: Db;
  readonly authority: Authority;
  readonly fresh: FreshParts & { readonly streams: Pick<GatewayStreams, 'unkept'> };
  readonly posture: PostureParts;
  readonly shadow: Pick<Shadow, 'look'>;
  readonly searches: Pick<SearchDesk, 'follow'>;
  readonly pruner: Pick<Pruner, 'look'>;
  readonly logStreams: Pick<LogStreams, 'look'>;
  readonly silent: Pick<SilentGateways, 'look'>;
  /** When this controller started: what went stale before is for the first look. */
  readonly startedAt: number;
}

export function scheduleJobs({
  db,
  authority,
  fresh,
  posture,
  shadow,
  logStreams,
  searches,
  pruner,
  silent,
  startedAt,
}: JobParts): Job[] {
  let reviewed = startedAt - minute;
  return [
    {
      name: 'keys and certificates',
      everyMs: 5 * second,
      run: async () => authority.tick({ confirmedThrough: await confirmedThrough(db, fresh) }),
    },
    {
      name: 'stale posture',
      everyMs: 5 * second,
      async run(at) {
        await reviewLapses(posture, reviewed, at);
        reviewed = at;
      },
    },
    { name: 'lapsed sessions', everyMs: 10 * second, run: async (at) => void (await endLapsedSessions(db, at)) },
    {
      name: 'floors',
      everyMs: 10 * second,
      run: async (at) => void (await db.transaction().execute((trx) => raiseFloors(trx, at))),
    },
    { name: 'draft beside the version in force', everyMs: 2 * second, run: () => shadow.look() },
    { name: 'index of the log', everyMs: second, run: () => searches.follow() },
    { name: 'streams of the log', everyMs: 5 * second, run: () => logStreams.look() },
    { name: 'doubts of gateways', everyMs: minute, run: (at) => tellDoubts(db, at) },
    { name: 'silent gateways', everyMs: minute, run: (at) => silent.look(at) },
    { name: 'cuts that were not kept', everyMs: second, run: (at) => recordUnkept(db, at, fresh.streams.unkept) },
    { name: 'pruning', everyMs: minute, run: (at) => prune(db, at) },
    { name: 'retention of the log', everyMs: second, run: (at) => pruner.look(at) },
  ];
}

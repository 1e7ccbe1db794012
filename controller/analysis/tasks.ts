/** What the thread of analyses can do: one row each. */
import { PosternError } from '#shared/base/errors.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import type { Draft, ReplayResult, WhatIfPeopleResult, WhoCanResult } from '#shared/contracts/admin-analysis.ts';
import type { Report } from '#shared/contracts/admin-reports.ts';
import type { RightNow } from '#shared/contracts/admin-reviews.ts';
import type { App } from '#shared/contracts/app.ts';
import { loadApp, loadApps } from '../grants/load-facts.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import { makeReport } from '../reports/make-report.ts';
import type { ReportOrder } from '../reports/report-shape.ts';
import { type Frozen, freezeRights } from '../reviews/freeze-rights.ts';
import { type RemainsOrder, whatRemains } from '../reviews/what-remains.ts';
import type { Db } from '../store/open-store.ts';
import { loadPeople } from './load-people.ts';
import { partRequest, type RequestWanted } from './part-request.ts';
import { PolicyVersions } from './policy-versions.ts';
import { readDraft } from './read-draft.ts';
import { type OnProgress, type ReplayOrder, replay } from './replay.ts';
import { type Sets, whatIfPeople } from './what-if-people.ts';
import { whoCan } from './who-can.ts';

/** What a task is given: it begins with `ready`, once nothing in the order can be refused any more. */
export interface TaskParts {
  readonly db: Db;
  /** IANA name. */
  readonly timezone: string;
  /** Milliseconds, by the controller's clock. */
  readonly now: number;
  readonly ready: () => void;
  readonly onProgress: OnProgress;
}

/** As the API takes it: what is not told is as it is now. */
interface Supposed {
  readonly draft?: Draft | undefined;
  readonly group?: string | undefined;
  readonly operation?: string | undefined;
  readonly from?: string | undefined;
  readonly at?: number | undefined;
}

type WhatIfPeopleAsk = Supposed &
  RequestWanted & {
    readonly people?: readonly string[] | undefined;
    readonly app?: string | undefined;
    readonly secondFactorAgeSeconds?: number | undefined;
  };

export interface Tasks {
  readonly whatIfPeople: { readonly order: WhatIfPeopleAsk; readonly result: WhatIfPeopleResult };
  readonly whoCan: { readonly order: Supposed & { readonly app: string }; readonly result: WhoCanResult };
  readonly replay: {
    readonly order: ReplayOrder & { readonly draft?: Draft | undefined };
    readonly result: ReplayResult;
  };
  readonly report: { readonly order: ReportOrder; readonly result: Report };
  readonly freeze: { readonly order: ReviewShown['scope']; readonly result: Frozen };
  readonly remains: { readonly order: RemainsOrder; readonly result: RightNow[] };
}
export type TaskName = keyof Tasks;

export const tasks: {
  readonly [N in TaskName]: (parts: TaskParts, order: Tasks[N]['order']) => Promise<Tasks[N]['result']>;
} = {
  async replay({ db, ready, onProgress }, { draft, ...order }) {
    const set = draft === undefined ? undefined : await readDraft(db, draft);
    ready();
    return replay(db, order, set, onProgress);
  },

  async report({ db, now, ready, onProgress }, order) {
    ready();
    return makeReport(db, order, now, onProgress);
  },

  async freeze({ db, now, timezone, ready, onProgress }, scope) {
    ready();
    return freezeRights(db, { ...scope, timezone, at: now }, onProgress);
  },

  async remains({ db, now, timezone, ready, onProgress }, order) {
    ready();
    return whatRemains(db, order, { timezone, now }, onProgress);
  },

  async whatIfPeople({ db, timezone, now, ready, onProgress }, { draft, app, from, at = now, ...order }) {
    const sets = await readSets(db, draft);
    const apps = app === undefined ? await loadApps(db) : [await requireApp(db, app)];
    await requirePeople(db, order);
    // A request that the app cannot have is refused before the head of the answer is out.
    if (app !== undefined) partRequest(apps[0]!, order);
    else if (order.request !== undefined || order.operation !== undefined)
      throw new PosternError('bad-request', undefined, { tell: 'Say of which app the request is.' });
    ready();
    const lists = { listsAll: app !== undefined, explains: app !== undefined && order.people?.length === 1 };
    const wanted = { ...order, ...lists, apps, address: from ?? anywhere, timezone, now, at };
    return whatIfPeople(db, wanted, sets, onProgress);
  },

  async whoCan({ db, timezone, now, ready, onProgress }, { draft, app: id, operation, group, from, at = now }) {
    const sets = await readSets(db, draft);
    const app = await requireApp(db, id);
    await requirePeople(db, { group });
    const order = { app, part: partRequest(app, { operation }), operation, at };
    const { checks } = await readPostureSettings(db);
    ready();
    const pages = loadPeople(db, { group, address: from ?? anywhere, timezone });
    return whoCan(pages, { ...order, checks }, sets, onProgress);
  },
};

/** Of documentation (RFC 5737): in no range that means somewhere. */
const anywhere = '192.0.2.1';

async function readSets(db: Db, draft: Draft | undefined): Promise<Sets> {
  const row = await db.selectFrom('policy_versions').select('epoch').where('in_force', '=', 1).executeTakeFirst();
  const version = row === undefined ? 'gone' : await new PolicyVersions(db).load(row.epoch);
  const inForce: PolicySet | undefined = version === 'gone' ? undefined : version.set;
  return { inForce, draft: draft === undefined ? undefined : await readDraft(db, draft) };
}

async function requireApp(db: Db, id: string): Promise<App> {
  const app = await loadApp(db, id);
  if (app !== undefined) return app;
  throw notFound(`There is no app "${id}".`);
}

/** A name that is not there would quietly be nobody. */
async function requirePeople(
  db: Db,
  { group, people = [] }: { readonly group?: string | undefined; readonly people?: readonly string[] | undefined },
): Promise<void> {
  if (group !== undefined) {
    const known = await db.selectFrom('groups').select('id').where('id', '=', group).executeTakeFirst();
    if (known === undefined) throw notFound(`There is no group "${group}".`);
  }
  for (const person of people) {
    const known = await db.selectFrom('people').select('id').where('id', '=', person).executeTakeFirst();
    if (known === undefined) throw notFound(`There is no person "${person}".`);
  }
}

function notFound(tell: string): PosternError {
  return new PosternError('not-found', tell, { tell });
}

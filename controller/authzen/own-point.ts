/**
 * Our own schema as a decision point: may this person, on this device, use this app now? Facts of person, groups, device,
 * posture and session come from the store alone, and the decision is that of a grant (P7, P8): whoever asks can say who,
 * which device, which app, from where, when and what request, never what is true of them.
 *
 * Subject: `Person`, with the properties `device_id` and `ip_address` (the names that the standard gives them). Resource:
 * `App`. Action: `request` or `connect`. Context: `time` (RFC 3339) and `request` {method, host, path, query}.
 */
import type { Clock } from '#shared/base/clock.ts';
import type { GrantAction } from '#shared/contracts/grant.ts';
import type { Decider } from '../grants/decider.ts';
import { loadApp } from '../grants/load-facts.ts';
import type { Verdict } from '../policy/decide.ts';
import type { Db } from '../store/open-store.ts';
import type { Candidate, Decided, DecisionPoint } from './decision-point.ts';
import { judgeOwn, type OwnQuestion } from './judge-own.ts';
import { type JsonObject, memberOf } from './read-json.ts';
import { type OwnContext, readOwnContext } from './read-own-context.ts';
import type { Evaluation, Search } from './read-request.ts';

export interface OwnParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly decider: Decider;
}

const acts = ['request', 'connect'] as const satisfies readonly GrantAction[];
const personType = 'Person';
const appType = 'App';
const chunk = 50;

export function ownPoint(parts: OwnParts): DecisionPoint {
  return {
    async evaluate({ subject, action, resource, context }: Evaluation): Promise<Decided> {
      const read = readOwnContext(context, subject.properties);
      if ('decision' in read) return read;
      const act = acts.find((one) => one === action.name);
      if (subject.type !== personType || resource.type !== appType || act === undefined) return nothingPermits;
      return tell(await judgeOwn(parts, { person: subject.id, act, app: resource.id, ...read }, true));
    },
    async *candidates(search: Search, after: string | undefined): AsyncIterable<Candidate> {
      const { subject, action, resource, context } = search.about;
      const read = readOwnContext(context, subject.properties);
      if ('decision' in read || subject.type !== personType || resource.type !== appType) return;
      const about = { person: subject.id, app: resource.id, ...read };
      if (search.kind === 'action') {
        yield* actions(parts, about, after);
        return;
      }
      const act = acts.find((one) => one === action.name);
      if (act === undefined) return;
      if (search.kind === 'resource') yield* apps(parts, { ...about, act }, after);
      else yield* people(parts, { ...about, act }, after, subject.properties);
    },
  };
}

const permits = ({ verdict }: Verdict): boolean => verdict === 'allow';

function* actions(parts: OwnParts, about: Omit<OwnQuestion, 'act'>, after: string | undefined): Iterable<Candidate> {
  for (const act of acts.toSorted()) {
    if (after !== undefined && act <= after) continue;
    yield {
      cursor: act,
      test: async () => (permits(await judgeOwn(parts, { ...about, act })) ? { name: act } : undefined),
    };
  }
}

async function* apps(parts: OwnParts, about: OwnQuestion, after: string | undefined): AsyncIterable<Candidate> {
  for await (const id of idsOf(parts.db, 'apps', after))
    yield {
      cursor: id,
      test: async () => (permits(await judgeOwn(parts, { ...about, app: id })) ? { type: appType, id } : undefined),
    };
}

/**
 * Everyone who is let in from one of their devices, named with it: asked about again with those properties, the answer is
 * the same. A device that the search names is the only one looked at.
 */
async function* people(
  parts: OwnParts,
  about: OwnQuestion & OwnContext,
  after: string | undefined,
  properties: JsonObject,
): AsyncIterable<Candidate> {
  // Nobody at all is permitted an app that is not there: no reason to try everyone.
  if ((await loadApp(parts.db, about.app)) === undefined) return;
  for await (const person of idsOf(parts.db, 'people', after))
    yield {
      cursor: person,
      async test() {
        const devices = about.device === undefined ? await devicesOf(parts.db, person) : [about.device];
        for (const device of devices)
          if (permits(await judgeOwn(parts, { ...about, person, device })))
            return { type: personType, id: person, properties: told(properties, device) };
        return undefined;
      },
    };
}

function told(properties: JsonObject, device: string): JsonObject {
  const address = memberOf(properties, 'ip_address');
  return { device_id: device, ...(address === undefined ? {} : { ip_address: address }) };
}

async function devicesOf(db: Db, person: string): Promise<string[]> {
  const rows = await db
    .selectFrom('devices')
    .select('id')
    .where('person_id', '=', person)
    .where('state', '=', 'active')
    .orderBy('last_seen_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

async function* idsOf(db: Db, table: 'people' | 'apps', after = ''): AsyncIterable<string> {
  for (let last = after; ; ) {
    const rows = await db.selectFrom(table).select('id').where('id', '>', last).orderBy('id').limit(chunk).execute();
    for (const { id } of rows) yield id;
    if (rows.length < chunk) return;
    last = rows.at(-1)!.id;
  }
}

/** Also for what is not there, so that the two cannot be told apart (P12). */
const nothingPermits: Decided = { decision: false, context: { reason: 'no-permit' }, policies: [] };

function tell(verdict: Verdict & { readonly hints?: Readonly<Record<string, unknown>> }): Decided {
  const { reasons, policies, hints = {} } = verdict;
  const context = { reason: reasons[0] ?? 'no-permit', ...hints };
  return { decision: permits(verdict), context, policies };
}

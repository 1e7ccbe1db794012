/**
 * Decides grants again that are still alive, and takes back those that got worse and no others (P14): now denied, allowed
 * for fewer requests, or no longer for as long as they run.
 */
import type { Revocation } from '#shared/contracts/gateway-to-controller.ts';
import type { ExactRequest, GrantAction, GrantRules, GrantUse } from '#shared/contracts/grant.ts';
import type { Facts, Question } from '../policy/facts.ts';
import { findLapse } from '../policy/lapse.ts';
import { isNarrower } from '../policy/narrower.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { ruleOn } from '../policy/what-rules.ts';
import { revoke } from '../revocation/revoke.ts';
import type { Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import type { Decider } from './decider.ts';
import { isOnceRequest, readRequest } from './judge-ask.ts';
import { appFacts, loadApp, loadFacts } from './load-facts.ts';

/** Which grants; several members narrow. An empty one means every grant alive. */
export interface Which {
  readonly device?: string;
  readonly person?: string;
  readonly session?: string;
  readonly app?: string;
  /** Only grants of earlier policy versions. */
  readonly epochBelow?: number;
  /** Only ids after this one, in their order; with `limit`, to go through many in steps. */
  readonly after?: string;
  readonly limit?: number;
  /** How many there are in all, when `limit` takes some of them. */
  readonly amongst?: number;
}

export interface Redecided {
  /** Change number of the revocation; 0 when nothing was taken back. */
  readonly n: number;
  readonly revoked: readonly string[];
  readonly looked: number;
  /** The last id looked at; undefined when there was none. */
  readonly last: string | undefined;
}

/** In the transaction of the change that makes it necessary, after that change was written. */
export async function redecideGrants(
  decider: Decider,
  trx: Trx,
  at: number,
  which: Which,
  reason: Extract<Revocation['reason'], 'policy-changed' | 'facts-changed'>,
): Promise<Redecided> {
  const grants = await findGrants(trx, at, which);
  const set = decider.policy();
  const known = new Map<string, Promise<Facts | undefined>>();
  const revoked: string[] = [];
  for (const grant of grants) {
    const key = `${grant.device_id} ${grant.session_id}`;
    let facts = known.get(key);
    if (facts === undefined) {
      const order = { device: grant.device_id, session: grant.session_id, address: '', timezone: decider.timezone };
      facts = loadFacts(trx, order);
      known.set(key, facts);
    }
    const question = await askAgain(trx, grant, await facts, at);
    if (set === undefined || question === undefined || gotWorse(set, question, grant)) revoked.push(grant.jti);
  }
  const { n } = await revoke(trx, at, [{ kind: 'grant', ids: revoked, reason }], which.amongst);
  return { n, revoked, looked: grants.length, last: grants.at(-1)?.jti };
}

async function findGrants(trx: Trx, at: number, which: Which): Promise<Tables['grants'][]> {
  let query = trx.selectFrom('grants').selectAll().where('ends_at', '>', at).orderBy('jti');
  if (which.device !== undefined) query = query.where('device_id', '=', which.device);
  if (which.person !== undefined) query = query.where('person_id', '=', which.person);
  if (which.session !== undefined) query = query.where('session_id', '=', which.session);
  if (which.app !== undefined) query = query.where('app_id', '=', which.app);
  if (which.epochBelow !== undefined) query = query.where('epoch', '<', which.epochBelow);
  if (which.after !== undefined) query = query.where('jti', '>', which.after);
  if (which.limit !== undefined) query = query.limit(which.limit);
  return query.execute();
}

/** Undefined when the app, the device or the person is no more, or the app takes such a grant no longer. */
async function askAgain(
  trx: Trx,
  grant: Tables['grants'],
  facts: Facts | undefined,
  at: number,
): Promise<Question | undefined> {
  const app = await loadApp(trx, grant.app_id);
  if (app === undefined || facts === undefined || facts.person.id !== grant.person_id) return undefined;
  const about = { facts, app: appFacts(app), act: grant.act as GrantAction, at, networkUnknown: true };
  if (grant.request === null) {
    const isExact = app.kind === 'http' && app.exactRequest === true;
    return isExact ? undefined : about;
  }
  const request = readRequest(app, JSON.parse(grant.request) as ExactRequest);
  return request && { ...about, request, forOne: isOnceRequest(app, request) };
}

function gotWorse(set: PolicySet, question: Question, grant: Tables['grants']): boolean {
  const before = JSON.parse(grant.rules) as GrantRules;
  const { rules, use } = ruleOn(set, question);
  const held = grant.use as GrantUse;
  if (rules === undefined || (held === 'many' && use === 'once') || isNarrower(before, rules)) return true;
  return findLapse(set, question, grant.ends_at, { rules: before, use: held }).at < grant.ends_at;
}

/** What would be decided for a person, by the version in force and the facts as they are, with some of them supposed. */
import { PosternError } from '#shared/base/errors.ts';
import type { ExactRequest, GrantAction } from '#shared/contracts/grant.ts';
import { partRequest } from '../analysis/part-request.ts';
import type { Decider } from '../grants/decider.ts';
import { appFacts, loadApp, loadFacts } from '../grants/load-facts.ts';
import type { Facts } from '../policy/facts.ts';
import { shiftFacts } from '../policy/shift-facts.ts';
import { signedInLike, withFactorAge } from '../policy/supposed-session.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import { type ExplainedQuestion, explainQuestion } from './explain-question.ts';

export interface WhatIfAsk {
  readonly person: string;
  /** The device last seen, unless told. */
  readonly device?: string | undefined;
  readonly app: string;
  readonly act: GrantAction;
  readonly request?: ExactRequest | undefined;
  readonly from?: string | undefined;
  /** Milliseconds; now unless told. Facts keep the age they have now. */
  readonly at?: number | undefined;
  /** Negative: never. As in the live session, else the last one, unless told. */
  readonly secondFactorAgeSeconds?: number | undefined;
}

export interface WhatIf extends ExplainedQuestion {
  readonly facts: Facts;
}

/** Throws `not-found` for a person, device or app that is not there, `request-refused` for a request without one form. */
export async function whatIf(db: Db, decider: Decider, ask: WhatIfAsk, now: number): Promise<WhatIf> {
  const app = await loadApp(db, ask.app);
  if (app === undefined)
    throw new PosternError('not-found', `there is no app ${ask.app}`, { tell: 'There is no such app.' });
  const at = ask.at ?? now;
  const real = await realFacts(db, decider, ask);
  const moved = shiftFacts(real.facts, at - now, at);
  // Who is not signed in is taken to sign in as they did last, as in the what-if for many people.
  const isSignedIn = moved.session !== null && moved.session.endsAt > at;
  const signedIn = isSignedIn ? moved.session! : signedInLike(real.last ?? null, at);
  const facts = { ...moved, session: withFactorAge(signedIn, ask.secondFactorAgeSeconds, at) };
  const { checks } = await readPostureSettings(db);
  const { request } = ask.act === 'request' ? partRequest(app, { request: ask.request }) : { request: undefined };
  const question = { facts, app: appFacts(app), act: ask.act, request, at };
  return { ...explainQuestion(decider.policy(), question, app, checks), facts };
}

async function noDevice(db: Db, { person, device }: WhatIfAsk): Promise<PosternError> {
  const known = await db.selectFrom('people').select('id').where('id', '=', person).executeTakeFirst();
  const what = device === undefined ? 'no device in service' : 'no such device';
  const tell = known === undefined ? 'There is no such person.' : `This person has ${what}.`;
  return new PosternError('not-found', `${person}: ${tell}`, { tell });
}

async function realFacts(db: Db, decider: Decider, ask: WhatIfAsk) {
  let query = db
    .selectFrom('devices')
    .select('id')
    .where('person_id', '=', ask.person)
    .orderBy('last_seen_at', 'desc')
    .orderBy('enrolled_at', 'desc');
  query = ask.device === undefined ? query.where('state', '=', 'active') : query.where('id', '=', ask.device);
  const device = await query.executeTakeFirst();
  if (device === undefined) throw await noDevice(db, ask);
  const sessions = await db
    .selectFrom('sessions')
    .select(['id', 'state', 'methods', 'second_factor_at'])
    .where('device_id', '=', device.id)
    .where('person_id', '=', ask.person)
    .orderBy('started_at', 'desc')
    .execute();
  const live = sessions.find(({ state }) => state === 'live');
  const order = {
    device: device.id,
    session: live?.id,
    address: ask.from ?? '127.0.0.1',
    timezone: decider.timezone,
  };
  const facts = await loadFacts(db, order);
  if (facts === undefined) throw new PosternError('not-found', `there is no person ${ask.person}`);
  const [last] = live === undefined ? sessions : [live];
  return {
    facts,
    last: last && { methods: JSON.parse(last.methods) as string[], secondFactorAt: last.second_factor_at },
  };
}

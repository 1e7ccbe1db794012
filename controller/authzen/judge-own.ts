/** One question about our own schema, decided from the store's facts by the policy in force, as a grant would be. */
import type { App } from '#shared/contracts/app.ts';
import type { GrantAction } from '#shared/contracts/grant.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import { appFacts, loadApp, loadFacts } from '../grants/load-facts.ts';
import { toSession } from '../identity/sessions.ts';
import { canonicalFacts } from '../policy/canonical-facts.ts';
import { decide, type Verdict } from '../policy/decide.ts';
import { couldAllow, needsRequest } from '../policy/decide-partly.ts';
import type { Facts, Question, RequestFacts } from '../policy/facts.ts';
import { findFixes } from '../policy/fixes.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import type { OwnParts } from './own-point.ts';
import type { OwnContext } from './read-own-context.ts';

export interface OwnQuestion extends OwnContext {
  readonly person: string;
  readonly act: GrantAction;
  readonly app: string;
}

export interface OwnVerdict extends Verdict {
  /** What the person can do about a deny, in words they may read (P12). */
  readonly hints?: Readonly<Record<string, unknown>>;
}

/**
 * `withHints`: a deny also says what the person can do about it, which costs several decisions.
 *
 * A person, device or app that is not there is answered like one that nothing permits (P12). All of it is of one moment: one
 * transaction reads what it rests on.
 */
export function judgeOwn({ db, clock, decider }: OwnParts, asked: OwnQuestion, withHints = false): Promise<OwnVerdict> {
  const at = asked.at ?? clock.now();
  return db.transaction().execute(async (trx): Promise<OwnVerdict> => {
    const found = await loadPerson(trx, asked, decider.timezone, at);
    if (found === undefined) return deny('no-permit');
    if (found.idle) return deny('session-idle');
    const { facts } = found;
    const app = await loadApp(trx, asked.app);
    const fits = app !== undefined && (app.kind === 'http') === (asked.act === 'request');
    const read = fits ? canonical(app, asked) : undefined;
    const request = read === 'refused' ? undefined : read;
    const known = fits ? appFacts(app) : { id: asked.app, kind: kinds[asked.act], site: '', groups: [] };
    const question: Question = { facts, app: known, act: asked.act, request, at };
    const set = decider.policy();
    if (read === 'refused' || needsRequest(set, question)) {
      // Told only of an app that this person may use with some request (P12).
      const could = fits && couldAllow(set, question).verdict === 'allow';
      return deny(!could ? 'no-permit' : read === 'refused' ? 'request-refused' : 'request-needed');
    }
    const verdict = decide(set, question);
    if (verdict.verdict === 'allow') return fits ? verdict : deny('no-permit');
    // An app that is not there has no policies; whether one that is there has some is not told either (P12).
    const hints = withHints ? await hintsOf(trx, set, question) : {};
    return { ...verdict, reasons: toldReasons(verdict), ...hints };
  });
}

const kinds = { request: 'http', connect: 'tcp' } as const;

/** Of reasons that come from policies only that nothing permits; those of person, device and session are the person's own. */
function toldReasons({ reasons }: Verdict): readonly Reason[] {
  const fromPolicies: readonly Reason[] = ['policy-forbid', 'policy-error', 'no-permit'];
  return reasons.map((reason) => (fromPolicies.includes(reason) ? 'no-permit' : reason));
}

async function hintsOf(
  db: Db,
  set: Parameters<typeof findFixes>[0],
  question: Question,
): Promise<Pick<OwnVerdict, 'hints'>> {
  const { checks } = await readPostureSettings(db);
  const fixes = findFixes(set, question, checks).filter(({ kind }) => kind !== 'ask-admin');
  if (fixes.length === 0) return {};
  const hints = { reason_user: { en: fixes.map(({ text }) => text).join(' ') } };
  // RFC 8176 values that a sign-in must have, for callers that know how to ask for a step-up.
  return { hints: fixes.some(({ kind }) => kind === 'second-factor') ? { ...hints, amr_values: ['mfa'] } : hints };
}

async function loadPerson(
  db: Db,
  { person, device, address }: OwnQuestion,
  timezone: string,
  at: number,
): Promise<{ facts: Facts; idle: boolean } | undefined> {
  if (device === undefined) return undefined;
  const row = await db
    .selectFrom('sessions')
    .selectAll()
    .where('device_id', '=', device)
    .where('person_id', '=', person)
    .where('state', '=', 'live')
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  const facts = await loadFacts(db, { device, session: row?.id, address, timezone });
  // Somebody else's device: no word about whose.
  if (facts === undefined || facts.person.id !== person) return undefined;
  return { facts, idle: row !== undefined && toSession(row, at).idle };
}

/** Only a request in its one canonical form is judged (P9). */
function canonical(app: App, { request }: OwnQuestion): RequestFacts | undefined | 'refused' {
  if (request === undefined || app.kind !== 'http') return undefined;
  const found = canonicalFacts(app, request);
  return typeof found === 'string' ? 'refused' : found;
}

function deny(reason: Reason): OwnVerdict {
  return { verdict: 'deny', reasons: [reason], policies: [], errors: [] };
}

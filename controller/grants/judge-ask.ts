/**
 * What is to be answered to one ask for a grant. Pure. An app that is not there is judged like one that is, by the same
 * steps, and then refused like one that this person may not use (P12).
 */
import { second } from '#shared/base/clock.ts';
import type { ErrorCode } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import {
  type ExactRequest,
  type GrantAction,
  type GrantRules,
  type GrantUse,
  grantLife,
} from '#shared/contracts/grant.ts';
import type { PostureCheck } from '#shared/contracts/posture.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { isOnceOperation } from '#shared/wire/operations.ts';
import { canonicalFacts } from '../policy/canonical-facts.ts';
import type { Verdict } from '../policy/decide.ts';
import { couldAllow } from '../policy/decide-partly.ts';
import type { AppFacts, Facts, Question, RequestFacts } from '../policy/facts.ts';
import { askAdmin, codeOf, findFixes } from '../policy/fixes.ts';
import { findLasting, type Lasting, type Turning } from '../policy/lasting-rules.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { ruleOn } from '../policy/what-rules.ts';
import { appFacts } from './load-facts.ts';

export interface Ask {
  readonly facts: Facts;
  /** As asked for, whether it exists or not. */
  readonly appId: string;
  readonly app: App | undefined;
  readonly act: GrantAction;
  readonly request: ExactRequest | undefined;
  readonly at: number;
  /** True when the session was unused for too long (P19). */
  readonly idle: boolean;
  readonly checks: readonly PostureCheck[];
}

export type Judgement =
  | {
      readonly allow: true;
      readonly verdict: Verdict;
      readonly app: App;
      /** `app`: the rules serve every request of it. */
      readonly scope: 'app' | 'request';
      readonly rules: GrantRules;
      readonly use: GrantUse;
      readonly request: RequestFacts | undefined;
      /** Unix seconds. */
      readonly iat: number;
      readonly exp: number;
    }
  | {
      readonly allow: false;
      readonly reasons: readonly Reason[];
      readonly policies: readonly string[];
      readonly errors: readonly string[];
      readonly code: ErrorCode;
      readonly fixes: readonly Fix[];
      readonly request: RequestFacts | undefined;
    };

export function judgeAsk(set: PolicySet | undefined, ask: Ask): Judgement {
  const { app, act, at } = ask;
  const fits = app !== undefined && (app.kind === 'http') === (act === 'request');
  const request = fits ? readRequest(app, ask.request) : undefined;
  const about: Question = { facts: ask.facts, app: fits ? appFacts(app) : decoy(ask), act, at, networkUnknown: true };
  const forOne = fits && request !== undefined && isOnceRequest(app, request);
  const question = { ...about, request, forOne };
  const verdict = couldAllow(set, question);

  // What is the matter with the caller is answered before anything that depends on the app (P12).
  const standing = findStanding(ask, verdict);
  if (standing !== undefined) return standing;
  if (!fits) {
    // The work of a denial is done and thrown away; what is answered depends on nothing that was found.
    findFixes(set, question, ask.checks);
    return refuse(verdict, 'not-allowed', [askAdmin], app === undefined ? 'app-unknown' : 'action-mismatch');
  }
  if (set === undefined || verdict.verdict === 'deny') return explain(set, ask, question, verdict);
  if (ask.request !== undefined && request === undefined)
    return refuse(verdict, 'request-refused', [], 'request-refused');

  const iat = Math.floor(at / second);
  const limit = (iat + (app.grantSeconds ?? grantLife.default)) * second;
  const allow = ({ verdict: granted, rules, use, exp }: Lasting, scope: 'app' | 'request'): Judgement => {
    return { allow: true, verdict: granted, app, scope, rules, use, request, iat, exp };
  };
  // P18: granted by itself, whatever else could be granted with it.
  const isAlone = request !== undefined && (forOne || set.hasOnce) && ruleOn(set, question).use === 'once';
  const isExact = isAlone || (app.kind === 'http' && app.exactRequest === true);
  const whole = isExact ? undefined : findLasting(set, about, limit);
  const isForMany = whole !== undefined && 'rules' in whole && (act === 'connect' || whole.use === 'many');
  if (isForMany) return allow(whole, 'app');
  if (whole === undefined || 'rules' in whole || (act === 'request' && whole.turnsTo?.rules !== undefined)) {
    // The app or a policy wants it, or what is left of the policies turns every second until the request is known.
    if (request === undefined) return refuse(verdict, 'request-needed', [], 'request-needed');
    const exact = findLasting(set, question, limit);
    return 'rules' in exact ? allow(exact, 'request') : refuseTurning(set, ask, question, exact);
  }
  return refuseTurning(set, ask, question, whole);
}

/** The app wants requests like this one granted one by one (P18). */
export const isOnceRequest = (app: App, request: RequestFacts): boolean =>
  app.kind === 'http' && isOnceOperation(app, request);

/** It turns within a second: such a grant would end on its way, so what is about to be true is answered. */
function refuseTurning(set: PolicySet, ask: Ask, question: Question, { at, turnsTo }: Turning): Judgement {
  if (turnsTo === undefined) return refuse({ policies: [], errors: [] }, 'session-required', [], 'session-required');
  if (turnsTo.rules === undefined) return explain(set, ask, { ...question, at }, turnsTo.verdict);
  const errors = ['what is left of these policies turns within a second, again and again'];
  return refuse({ policies: turnsTo.verdict.policies, errors }, 'not-allowed', [askAdmin], 'policy-error');
}

/** The app that a person would ask for if there were one of this name: no group, no site. */
function decoy({ appId, act }: Ask): AppFacts {
  return { id: appId, kind: act === 'request' ? 'http' : 'tcp', site: '', groups: [] };
}

/** Undefined when there is none or it is not in its one canonical form (P9): a gateway would never match it. */
export function readRequest(app: App, request: ExactRequest | undefined): RequestFacts | undefined {
  if (request === undefined || app.kind !== 'http') return undefined;
  const canonical = canonicalFacts(app, request);
  if (typeof canonical === 'string') return undefined;
  const { method, host, path, query } = request;
  const same =
    canonical.method === method && canonical.host === host && canonical.path === path && canonical.query === query;
  return same ? canonical : undefined;
}

const standingCodes: Partial<Record<Reason, ErrorCode>> = {
  'session-required': 'session-required',
  'person-not-active': 'not-allowed',
  'device-not-active': 'device-suspended',
  'groups-unreadable': 'unavailable',
  'policy-unavailable': 'unavailable',
};

function findStanding({ idle, facts }: Ask, verdict: Verdict): Judgement | undefined {
  if (idle)
    return refuse(verdict, 'session-idle', [{ kind: 'sign-in', text: 'Confirm that it is you.' }], 'session-idle');
  const reason = verdict.reasons[0];
  const code = reason && standingCodes[reason];
  if (code === undefined) return undefined;
  const pending = reason === 'device-not-active' && facts.device.state === 'pending';
  return refuse(verdict, pending ? 'device-pending' : code, []);
}

function explain(set: PolicySet | undefined, ask: Ask, question: Question, verdict: Verdict): Judgement {
  const fixes = findFixes(set, question, ask.checks);
  return refuse(verdict, codeOf(fixes), fixes, undefined, question.request);
}

function refuse(
  { reasons = [], policies, errors }: Pick<Verdict, 'policies' | 'errors'> & Partial<Verdict>,
  code: ErrorCode,
  fixes: readonly Fix[],
  reason?: Reason,
  request?: RequestFacts,
): Judgement {
  return { allow: false, reasons: reason === undefined ? reasons : [reason], policies, errors, code, fixes, request };
}

/**
 * The admin API: what a draft of the policies would change. Each analysis is a stream of NDJSON lines: how far it has come,
 * then the result. It runs beside everything else, and ends when its reader goes.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { explanation } from './admin-explain.ts';
import { policyFile } from './admin-objects.ts';
import { appId, changeNumber, madeId, oneOf, slug, strict, text, time, trace } from './common.ts';
import { exactRequest, grantUse } from './grant.ts';
import { defineContract } from './route.ts';
import { fix } from './sign-in.ts';

const count = Type.Integer({ minimum: 0 });
const span = { first: time, last: time } as const;
const names = Type.Array(text(128));

/** What is asked about instead of the version in force: files, or a version by its number. */
export const draft = strict({
  files: Type.Optional(Type.Array(policyFile)),
  epoch: Type.Optional(changeNumber),
});
export type Draft = Static<typeof draft>;

/** One line of a stream: progress until the result, which is the last. */
export const linesOf = <const R extends TSchema>(result: R) =>
  Type.Union([
    strict({ t: Type.Literal('progress'), done: count, total: count }),
    strict({ t: Type.Literal('result'), result }),
  ]);

export const directions = ['allow-to-deny', 'deny-to-allow'] as const;

/**
 * Why a recorded verdict could not be judged again: `query`, `path`, `network`, `request` (the draft looks at what was not
 * recorded), `facts` (their snapshot is gone), `app`, `person` (not in the record), `merged` (refusals counted together),
 * `record` (which somebody made unreadable), `not-reproduced` (by its own version the recorded facts do not give the recorded verdict), `version` (which is gone).
 */
export const undeterminedReasons = [
  'query',
  'path',
  'network',
  'request',
  'facts',
  'app',
  'person',
  'merged',
  'record',
  'not-reproduced',
  'version',
] as const;
export const undeterminedReason = oneOf(undeterminedReasons);
export type UndeterminedReason = Static<typeof undeterminedReason>;

export const flip = strict({
  direction: oneOf(directions),
  kind: oneOf(['grant', 'access']),
  time,
  trace,
  person: slug,
  device: Type.Optional(madeId),
  app: appId,
  /** The operation by its name, else method and path; absent for a grant of the whole app, and for a tunnel. */
  request: Type.Optional(text(1100)),
  epoch: Type.Optional(changeNumber),
  recorded: strict({ reason: text(64), policies: names }),
  now: strict({ reason: text(64), policies: names }),
});
export type Flip = Static<typeof flip>;

/** Flips of one person at one app by the same policies. */
export const flipGroup = strict({
  direction: oneOf(directions),
  person: slug,
  app: appId,
  /** What decides it now; for an allow that no policy gives any more, what gave it. */
  policies: names,
  reason: text(64),
  count,
  ...span,
  traces: Type.Array(trace),
});
export type FlipGroup = Static<typeof flipGroup>;

export const replayResult = strict({
  from: time,
  to: time,
  /** False: each verdict was judged by the version that was in force then, and a flip is a disagreement. */
  draft: Type.Boolean(),
  verdicts: count,
  same: count,
  allowToDeny: count,
  denyToAllow: count,
  undetermined: count,
  undeterminedBy: Type.Array(strict({ reason: undeterminedReason, count })),
  /** Grants of a whole app that would serve some of its requests only. Their verdict is the same. */
  narrower: count,
  /** Records of these kinds that policies had no part in. */
  otherRecords: count,
  /** Different questions; the other verdicts are equal to one of them. */
  questions: count,
  groups: Type.Array(flipGroup),
  /** Flips that are in none of the groups, since there were too many groups. */
  ungrouped: count,
  flips: Type.Array(flip),
  moreFlips: count,
});
export type ReplayResult = Static<typeof replayResult>;
export const replayLine = linesOf(replayResult);

const people = Type.Array(slug);

/** People with the same outcome for the same reason, and what would help the first of them. */
export const peopleGroup = strict({
  app: appId,
  /** `deny` and `allow`: as before, or without anything to compare with. */
  change: oneOf(['lose', 'gain', 'deny', 'allow']),
  reason: text(64),
  policies: names,
  /** As the person would be told; the first one. */
  fix: Type.Optional(text(500)),
  people,
});
export type PeopleGroup = Static<typeof peopleGroup>;

/** `fixes`: what the person would be told of a deny. */
const oneExplained = strict({
  verdict: oneOf(['allow', 'deny']),
  use: Type.Optional(grantUse),
  fixes: Type.Array(fix),
  explanation,
});
export type OneExplained = Static<typeof oneExplained>;

export const whatIfPeopleResult = strict({
  at: time,
  draft: Type.Boolean(),
  /** How many were asked about; each on the device last seen. */
  people: count,
  withoutDevice: people,
  /** Different people: who would be denied something, and who would lose or gain something against the version in force. */
  denied: count,
  lose: count,
  gain: count,
  /** With one app all of them; with all apps those that change, or without a draft those that are denied. */
  groups: Type.Array(peopleGroup),
  /** Of one person and one app, unless the question is of an operation, which stands for many requests. */
  one: Type.Optional(oneExplained),
});
export type WhatIfPeopleResult = Static<typeof whatIfPeopleResult>;
export const whatIfPeopleLine = linesOf(whatIfPeopleResult);

export const accessByDevice = strict({
  device: madeId,
  /** What permits it; where a condition is of the kind `request`, what permits some requests. */
  policies: names,
  /** `once`: by a policy, or an operation of the app, that is granted for one use at a time. Absent when it depends on the request. */
  use: Type.Optional(grantUse),
  /** Their groups that these policies name. */
  groups: Type.Array(text(64)),
  conditions: Type.Array(strict({ kind: text(32), text: text(1000) })),
});
export const accessOfPerson = strict({ person: slug, devices: Type.Array(accessByDevice) });
export type AccessOfPerson = Static<typeof accessOfPerson>;

export const whoCanResult = strict({
  app: appId,
  operation: Type.Optional(text(63)),
  at: time,
  draft: Type.Boolean(),
  people: count,
  withoutDevice: people,
  /** Under the draft, or the version in force when there is none. */
  can: Type.Array(accessOfPerson),
  /** Against the version in force; empty without a draft. As they would be, and as they were. */
  gains: Type.Array(accessOfPerson),
  losses: Type.Array(accessOfPerson),
  /** Who can before and after, by other policies, devices or conditions. */
  changed: Type.Array(strict({ person: slug, before: accessOfPerson, after: accessOfPerson })),
});
export type WhoCanResult = Static<typeof whoCanResult>;
export const whoCanLine = linesOf(whoCanResult);

const operation = Type.Optional(text(63));
const supposed = {
  draft: Type.Optional(draft),
  /** Only members of this group. */
  group: Type.Optional(slug),
  operation,
  from: Type.Optional(text(64)),
  at: Type.Optional(time),
} as const;

export const adminAnalysis = defineContract({
  whatIfPeople: {
    method: 'POST',
    path: '/v1/admin/policy/what-if/people',
    summary: 'What would be decided for many people, with their last real posture and session',
    access: 'reader',
    maxBody: 4 * 1024 * 1024,
    body: strict({
      ...supposed,
      people: Type.Optional(Type.Array(slug, { maxItems: 10_000 })),
      /** All apps unless told; then only what changes, or without a draft what is denied, is listed. */
      app: Type.Optional(appId),
      request: Type.Optional(exactRequest),
      secondFactorAgeSeconds: Type.Optional(Type.Integer()),
    }),
    stream: 'ndjson',
  },
  whoCan: {
    method: 'POST',
    path: '/v1/admin/policy/who-can',
    summary:
      'Who can use an app, with which device, by which policies and on what conditions; before and after a draft',
    access: 'reader',
    maxBody: 4 * 1024 * 1024,
    body: strict({ ...supposed, app: appId }),
    stream: 'ndjson',
  },
  replayPolicy: {
    method: 'POST',
    path: '/v1/admin/policy/replay',
    summary: 'Recorded verdicts judged again by a draft, or each by the version that was in force',
    access: 'reader',
    maxBody: 4 * 1024 * 1024,
    body: strict({
      draft: Type.Optional(draft),
      from: time,
      to: Type.Optional(time),
      app: Type.Optional(appId),
      person: Type.Optional(slug),
      /** How many single flips are listed; 1,000 unless told. All are counted and grouped. */
      limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
    }),
    stream: 'ndjson',
  },
});

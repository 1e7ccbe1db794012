/** The admin API: why something was decided as it was. */
import { type Static, Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { appId, changeNumber, madeId, oneOf, slug, strict, text, time, trace } from './common.ts';
import { recordedRequest, recordKind, recordPhase } from './record.ts';
import { defineContract } from './route.ts';
import { fix } from './sign-in.ts';

const policyNote = strict({
  name: text(128),
  file: text(128),
  line: Type.Integer({ minimum: 1 }),
  effect: oneOf(['permit', 'forbid']),
  /** `@reason` and `@tell` of the policy. */
  reason: Type.Optional(text(400)),
  tell: Type.Optional(text(400)),
  outcome: oneOf(['holds', 'does-not-hold', 'open', 'errs']),
  /** The policy holds when all of them are true. `open`: it looks at a request or network that was not known. */
  conditions: Type.Array(
    strict({ text: text(400), outcome: oneOf(['true', 'false', 'open', 'error']), error: Type.Optional(text(2000)) }),
  ),
});

const factNote = strict({
  /** Dotted, as policies name it: `session.secondFactorAge`; a check of the organisation as `check:<id>`. */
  path: text(128),
  value: text(10_000),
  /** `self`, `mdm` or `attested` for what a device reports; else where the controller has it from. */
  source: text(64),
  measuredAt: Type.Optional(time),
  goodUntil: Type.Optional(time),
  state: Type.Optional(oneOf(['passed', 'failed', 'unknown', 'stale', 'never-reported'])),
  /** What policies want of it. `met` is left out where it cannot be told on its own. */
  wanted: Type.Array(strict({ text: text(10_000), met: Type.Optional(Type.Boolean()), policy: text(128) })),
});

const changeNote = strict({
  kind: text(32),
  /** Who can make it: the person, or an administrator. */
  by: oneOf(['self', 'admin']),
  text: text(1000),
});

export const explanation = strict({
  policies: Type.Array(policyNote),
  facts: Type.Array(factNote),
  /** The smallest sets of changes that would allow it, best first. `complete`: false when the search ended at its limit. */
  changes: Type.Optional(strict({ sets: Type.Array(Type.Array(changeNote)), complete: Type.Boolean() })),
  /** All of it, line by line, for people. */
  words: Type.Array(text(11_000)),
});
export type ExplanationShown = Static<typeof explanation>;

export const readers = ['employee', 'admin', 'auditor'] as const;
export const explainReader = oneOf(readers);
export type ExplainReader = Static<typeof explainReader>;

/**
 * Whether the verdict, decided again from the recorded facts by the version of its time, is the recorded one. `none`: no
 * policy had a part in it. `undetermined`: too little was recorded.
 */
export const agreement = oneOf(['same', 'different', 'undetermined', 'none']);

/** What an employee is told of one refusal, and nothing more (P12). */
const told = strict({ title: text(200), fixes: Type.Array(fix) });

const explainedRecord = strict({
  id: Type.Optional(madeId),
  time,
  kind: recordKind,
  phase: recordPhase,
  trace,
  verdict: oneOf(['allow', 'deny', 'none']),
  /** Of the record, each with what it means. */
  reasons: Type.Optional(Type.Array(strict({ reason: text(64), text: text(300) }))),
  person: Type.Optional(slug),
  device: Type.Optional(madeId),
  app: Type.Optional(appId),
  gateway: Type.Optional(slug),
  grant: Type.Optional(madeId),
  from: Type.Optional(text(64)),
  request: Type.Optional(recordedRequest),
  facts: Type.Optional(text(64)),
  policies: Type.Optional(Type.Array(text(128))),
  /** The policy version that decided, who published it and when. */
  version: Type.Optional(shown.policyVersion),
  epoch: Type.Optional(changeNumber),
  again: Type.Optional(
    strict({
      agreement,
      /** What was decided now, when it could be and is not the same. */
      verdict: Type.Optional(oneOf(['allow', 'deny'])),
      reasons: Type.Optional(Type.Array(text(64))),
      policies: Type.Optional(Type.Array(text(128))),
      /** What was not recorded, in words. */
      missing: Type.Array(text(200)),
    }),
  ),
  explanation: Type.Optional(explanation),
  told: Type.Optional(told),
});
export type ExplainedRecord = Static<typeof explainedRecord>;

export const adminExplain = defineContract({
  explain: {
    method: 'GET',
    path: '/v1/admin/explain/:trace',
    summary:
      'Why everything under a trace was decided as it was, for an employee, an admin or an auditor; the first 8 digits do',
    access: 'reader',
    params: strict({ trace: Type.String({ pattern: '^[0-9a-f]{8,32}$' }) }),
    query: strict({
      /** By the role of the caller unless told. */
      as: Type.Optional(explainReader),
      /** For an auditor: also what would have allowed it, which is no fact. */
      changes: Type.Optional(Type.Boolean()),
    }),
    answer: strict({ trace, as: explainReader, records: Type.Array(explainedRecord) }),
  },
});

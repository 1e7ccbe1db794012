/** An access review: who may reach what at one moment, judged right by right by named reviewers. */
import { type Static, Type } from 'typebox';
import { changeNumber, oneOf, shortText, slug, strict, text, time } from './common.ts';

export const reviewDecisions = ['keep', 'revoke', 'change'] as const;
export const reviewDecision = oneOf([...reviewDecisions]);
export type ReviewDecision = Static<typeof reviewDecision>;

/** At once. */
export const mostReviewRows = 500;
export const rowNumbers = Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: mostReviewRows });

const count = Type.Integer({ minimum: 0 });
const digest = Type.String({ pattern: '^[0-9a-f]{64}$' });
const names = Type.Array(text(200));

/** A right as it was when the review began; nothing of it changes afterwards. `erased` stands for a person who was erased since (P34). */
const frozen = {
  /** Its number in the review, from 1. */
  row: Type.Integer({ minimum: 1 }),
  person: slug,
  app: text(63),
  policies: names,
  groups: names,
  conditions: Type.Array(text(1000)),
  /** In service, by which the person has it. */
  devices: count,
  /** The last access on record. */
  lastUsed: Type.Optional(time),
  /** As far as is on record: the latest of when the person, the app, the membership and the policy came. */
  since: Type.Optional(time),
  /** Of all above, with the salt: its records carry it. */
  digest,
  /** Missing once the person was erased. */
  salt: Type.Optional(text(64)),
};

export const reviewRow = strict({
  ...frozen,
  reviewer: Type.Optional(slug),
  decision: Type.Optional(
    strict({
      decision: reviewDecision,
      reason: text(500),
      by: text(100),
      at: time,
      /** Nobody had decided when the review was closed. */
      byDefault: Type.Optional(Type.Literal(true)),
    }),
  ),
});
export type ReviewRow = Static<typeof reviewRow>;

export const reviewShown = strict({
  name: slug,
  about: Type.Optional(shortText),
  state: oneOf(['open', 'closed']),
  startedAt: time,
  startedBy: text(100),
  due: time,
  /** The policy version that was in force. */
  epoch: changeNumber,
  /** What the rows were narrowed to. */
  scope: strict({
    apps: Type.Optional(Type.Array(slug)),
    groups: Type.Optional(Type.Array(slug)),
    people: Type.Optional(Type.Array(slug)),
  }),
  rows: count,
  keep: count,
  revoke: count,
  change: count,
  undecided: count,
  unassigned: count,
  reviewers: Type.Array(strict({ reviewer: slug, rows: count, undecided: count })),
  /** SHA-256 over the digests of all rows, in their order: the record of its start carries it. */
  digest,
  closedAt: Type.Optional(time),
  closedBy: Type.Optional(text(100)),
});
export type ReviewShown = Static<typeof reviewShown>;

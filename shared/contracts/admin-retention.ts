/** The admin API: how long records stay, taking old ones out of the log, and what must not go. */
import { type Static, Type } from 'typebox';
import { appId, durationMs, madeId, oneOf, slug, strict, text, time } from './common.ts';
import { recordKinds } from './record.ts';
import { defineContract } from './route.ts';

const count = Type.Integer({ minimum: 0 });
export const retentionKinds = ['default', ...recordKinds] as const;
const kind = oneOf([...retentionKinds]);
/** Milliseconds; null is for ever. */
const age = Type.Union([durationMs, Type.Null()]);

/** What would go now, or went. */
const dueShown = strict({
  records: count,
  kinds: Type.Array(strict({ kind: text(16), records: count })),
  /** Legal holds that keep some of what is old enough. */
  holds: Type.Array(strict({ id: madeId, name: Type.Optional(slug), records: count })),
  /** Streams to SIEMs that have not delivered all of it yet; what they lack stays. */
  heldBy: Type.Array(slug),
});
export type DueShown = Static<typeof dueShown>;

export const pruningShown = strict({
  pruning: count,
  cause: oneOf(['retention', 'order']),
  began: time,
  ended: Type.Optional(time),
  removed: count,
  /** The oldest and the newest of what went. */
  from: Type.Optional(time),
  to: Type.Optional(time),
  /** The records of its begin and its end. */
  begun: madeId,
  record: Type.Optional(madeId),
});
export type PruningShown = Static<typeof pruningShown>;

export const retentionShown = strict({
  /** No age is less: milliseconds. */
  floorMs: durationMs,
  /** As they were set; `default` and every kind that does not follow it. */
  ages: Type.Array(strict({ kind, age })),
  /** The newest first. */
  prunings: Type.Array(pruningShown),
});
export type RetentionShown = Static<typeof retentionShown>;

const holdOn = {
  person: Type.Optional(slug),
  device: Type.Optional(madeId),
  app: Type.Optional(appId),
  /** Its first 8 to 32 digits. */
  trace: Type.Optional(Type.String({ pattern: '^[0-9a-f]{8,32}$' })),
  /** Both inclusive. */
  from: Type.Optional(time),
  to: Type.Optional(time),
};

export const holdShown = strict({
  id: madeId,
  name: slug,
  ...holdOn,
  because: text(500),
  by: text(100),
  at: time,
  /** How many records it keeps, by the index of search; more when it is not exact. */
  records: Type.Optional(strict({ count, exact: Type.Boolean() })),
});
export type HoldShown = Static<typeof holdShown>;

const byName = strict({ name: slug });

export const adminRetention = defineContract({
  retention: {
    method: 'GET',
    path: '/v1/admin/log/retention',
    summary: 'How long records stay, the floor, and what was pruned',
    access: 'reader',
    answer: retentionShown,
  },
  retentionDue: {
    method: 'GET',
    path: '/v1/admin/log/retention/due',
    summary: 'How many records the ages that are set, or everything before a time, would take now',
    access: 'reader',
    query: strict({ before: Type.Optional(time) }),
    answer: dueShown,
  },
  setRetention: {
    method: 'PUT',
    path: '/v1/admin/log/retention/:kind',
    summary: 'How long records of a kind stay; without an age they follow the default again',
    access: 'owner',
    params: strict({ kind }),
    body: strict({ age: Type.Optional(age) }),
    answer: retentionShown,
  },
  pruneRecords: {
    method: 'POST',
    path: '/v1/admin/records/prune',
    summary: 'Take records before a time out of the log, for ever, and give the space back',
    access: 'owner',
    body: strict({ before: time }),
    answer: strict({ pruning: count, record: Type.Optional(madeId), ...dueShown.properties }),
  },
  holds: {
    method: 'GET',
    path: '/v1/admin/log/holds',
    summary: 'Legal holds that stand',
    access: 'reader',
    answer: strict({ items: Type.Array(holdShown) }),
  },
  addHold: {
    method: 'POST',
    path: '/v1/admin/log/holds',
    summary:
      'Keep records from being pruned and erased until the hold is released; all that it names must be so of a record',
    access: 'admin',
    body: strict({ name: slug, ...holdOn }),
    answer: holdShown,
  },
  releaseHold: {
    method: 'DELETE',
    path: '/v1/admin/log/holds/:name',
    summary: 'Release a legal hold',
    access: 'owner',
    params: byName,
    answer: holdShown,
  },
});

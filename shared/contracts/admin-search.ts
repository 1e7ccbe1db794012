/** The admin API: searching the access log, following it, the story of a trace, and sums. Every reading is a record. */
import { type Static, Type } from 'typebox';
import { madeId, oneOf, slug, strict, text, time } from './common.ts';
import { accessRecord } from './record.ts';
import { defineContract } from './route.ts';

/** Several values of one are separated by commas and mean any of them; what is wrong with one is told by the handler. */
export const recordFilter = {
  kind: Type.Optional(text(500)),
  verdict: Type.Optional(text(100)),
  reason: Type.Optional(text(1000)),
  person: Type.Optional(text(2000)),
  device: Type.Optional(text(2000)),
  app: Type.Optional(text(2000)),
  gateway: Type.Optional(text(2000)),
  session: Type.Optional(text(2000)),
  actor: Type.Optional(text(2000)),
  policy: Type.Optional(text(2000)),
  method: Type.Optional(text(200)),
  host: Type.Optional(text(2000)),
  operation: Type.Optional(text(2000)),
  event: Type.Optional(text(1000)),
  /** `403`, `40x` or `4xx`. */
  status: Type.Optional(text(200)),
  /** Its first 8 to 32 digits. */
  trace: Type.Optional(text(64)),
  /** Addresses or networks in CIDR form. */
  address: Type.Optional(text(1000)),
  /** How the path begins. */
  path: Type.Optional(text(1024)),
  /** Words that must all be there, `"words in this order"`, `begin*`. */
  text: Type.Optional(text(500)),
  from: Type.Optional(time),
  to: Type.Optional(time),
};

const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 }));
/** What a page said as `next`: it stays where it is, whatever comes after. */
const cursor = text(48);

export const sumFields = [
  'hour',
  'day',
  'kind',
  'verdict',
  'reason',
  'app',
  'person',
  'device',
  'gateway',
  'policy',
  'actor',
  'method',
  'status',
  'host',
  'operation',
  'event',
] as const;
export type SumField = (typeof sumFields)[number];

const recordStory = strict({
  record: accessRecord,
  /** Whether it has the trace itself; else it is what the trace rests on: the sign-in of its session, its grant. */
  own: Type.Boolean(),
  reasons: Type.Array(strict({ reason: text(64), text: text(500) })),
  policies: Type.Array(strict({ name: text(128), effect: Type.Optional(text(16)), reason: Type.Optional(text(1000)) })),
});

/** What was pruned of the time that was asked about: so many records of these times, by so many prunings, the newest under this record. */
export const prunedShown = strict({
  records: Type.Integer(),
  from: time,
  to: time,
  prunings: Type.Integer(),
  newest: madeId,
});
export type PrunedShown = Static<typeof prunedShown>;

/** Records of these gateways whose time cannot be true, and which may be of the time that was asked about or not; the newest alarm. */
export const misdatedShown = strict({
  records: Type.Integer(),
  gateways: Type.Array(slug, { maxItems: 32 }),
  newest: Type.Optional(madeId),
});
export type MisdatedShown = Static<typeof misdatedShown>;

/** Records of a page that a legal hold keeps, whatever their age. */
export const heldShown = strict({ id: text(64), name: text(200), records: Type.Array(madeId) });
export type HeldShown = Static<typeof heldShown>;

/** A person, device, app or gateway that was searched for, and that nobody is. */
export const unknownName = strict({ filter: text(16), value: text(2000), nearest: Type.Optional(text(64)) });
export type UnknownName = Static<typeof unknownName>;

export const logSizes = strict({
  records: Type.Integer(),
  /** Of the whole database, and of the index of search. */
  databaseBytes: Type.Integer(),
  indexBytes: Type.Integer(),
  /** Of one record, the mean of the newest. */
  recordBytes: Type.Integer(),
  oldest: Type.Optional(time),
  newest: Type.Optional(time),
  /** Records and bytes, the mean of the last seven days. */
  recordsADay: Type.Integer(),
  bytesADay: Type.Integer(),
  /** Records that the index has not taken into its file yet; searches read them as well. */
  unindexed: Type.Integer(),
  /** Places outside: leaves that no checkpoint there is over. */
  anchors: Type.Array(strict({ name: slug, behind: Type.Integer(), anchoredAt: Type.Optional(time) })),
  /** Gateways in service, and how many are known to keep a checkpoint of this log. */
  gateways: strict({ all: Type.Integer(), keep: Type.Integer() }),
});

export const adminSearch = defineContract({
  records: {
    method: 'GET',
    path: '/v1/admin/records',
    summary: 'Search the access log, in the order of writing',
    access: 'reader',
    query: strict({
      ...recordFilter,
      order: Type.Optional(oneOf(['newest', 'oldest'])),
      limit,
      cursor: Type.Optional(cursor),
      /** Count all that is found. */
      count: Type.Optional(Type.Boolean()),
    }),
    answer: strict({
      records: Type.Array(accessRecord),
      next: Type.Optional(cursor),
      /** Its time was over before the page was full; `next` goes on from here. */
      stoppedAt: Type.Optional(time),
      /** `exact: false`: there are at least so many, and more may be. */
      total: Type.Optional(strict({ count: Type.Integer(), exact: Type.Boolean() })),
      /** With the first page: not everything of this time is there any more. */
      pruned: Type.Optional(prunedShown),
      misdated: Type.Optional(misdatedShown),
      /** By legal hold, which of these records it keeps. */
      held: Type.Optional(Type.Array(heldShown)),
      /** Where nothing was found at all. */
      unknown: Type.Optional(Type.Array(unknownName)),
    }),
  },
  followRecords: {
    method: 'GET',
    path: '/v1/admin/records/follow',
    summary:
      'Wait for records after a place in the log; answers at once when there are some, and with none after a while',
    access: 'reader',
    query: strict({
      ...recordFilter,
      /** The `cursor` of the answer before; without it the end of the log is told. */
      after: Type.Optional(cursor),
      /** Without `after`: the newest so many that there are. */
      last: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
    }),
    answer: strict({ records: Type.Array(accessRecord), cursor }),
  },
  recordStory: {
    method: 'GET',
    path: '/v1/admin/records/story',
    summary: 'Everything of one trace in its order, with what it rests on, in words',
    access: 'reader',
    /** A record's id, or the first 8 to 32 digits of a trace. */
    query: strict({ of: text(64) }),
    answer: strict({
      trace: text(32),
      records: Type.Array(recordStory),
      /** There are more of this trace than are shown. */
      more: Type.Boolean(),
    }),
  },
  recordStats: {
    method: 'GET',
    path: '/v1/admin/records/stats',
    summary: 'How many records a search finds, by a field or by time, and how large the log is',
    access: 'reader',
    query: strict({
      ...recordFilter,
      by: Type.Optional(oneOf([...sumFields])),
      top: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    }),
    answer: strict({
      total: Type.Integer(),
      by: Type.Optional(oneOf([...sumFields])),
      /** Records that have the field. One with several values counts for each. */
      having: Type.Integer(),
      rows: Type.Array(strict({ value: text(200), count: Type.Integer(), share: Type.Number() })),
      /** Values beyond `top`, and their records. */
      others: strict({ values: Type.Integer(), count: Type.Integer() }),
      /** False when time was over: then it tells only of what was written since about `from`. */
      whole: Type.Boolean(),
      from: Type.Optional(time),
      pruned: Type.Optional(prunedShown),
      misdated: Type.Optional(misdatedShown),
      log: logSizes,
    }),
  },
});

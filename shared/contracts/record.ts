/** One entry of the access log. A query or a body is never recorded; at most 1 KB of path is (P24). */
import { type Static, Type } from 'typebox';
import { appId, changeNumber, durationMs, madeId, oneOf, slug, strict, text, time, trace } from './common.ts';
import { reasonNames } from './reasons.ts';

export const recordKinds = [
  'access', // a request or tunnel at a gateway: opening, closing and refusals
  'grant', // a decision at the controller
  'sign-in',
  'factor',
  'enrolment',
  'device',
  'posture',
  'session',
  'revocation',
  'policy',
  'admin',
  'gateway',
  'controller',
  'log',
  'review', // access reviews: who may keep what
  'authzen', // what an API client asked at the services listener
] as const;
export const recordKind = oneOf(recordKinds);
export type RecordKind = Static<typeof recordKind>;

/** A longer path is cut. */
export const maxRecordedPath = 1024;

export const recordedRequest = strict({
  method: text(32),
  host: text(253),
  path: text(maxRecordedPath),
  operation: Type.Optional(slug),
});

/**
 * `opening` is written before the first byte goes to the app, `closing` after the last, `progress` every five minutes of
 * a stream; a recovered spool closes an opening without a closing as `interrupted`. `single` stands alone (refusals,
 * decisions, everything at the controller).
 */
export const recordPhase = oneOf(['single', 'opening', 'progress', 'closing', 'interrupted']);

/**
 * What tells of people. It stands beside the log's leaf as disclosures and can be erased (P34): `facts`, the address of a snapshot, is a
 * hash of what can be guessed; `details` and `because` are what people and things were called. `host` and `path` are those of `request`.
 */
export const personalFields = ['person', 'actor', 'from', 'host', 'path', 'because', 'facts', 'details'] as const;
export type PersonalField = (typeof personalFields)[number];

/** One that a database gives back as it was. */
const number = (minimum: number) => Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER });

export const accessRecord = strict({
  id: madeId,
  time,
  /** When it came to the controller, of what a gateway told. */
  arrived: Type.Optional(time),
  kind: recordKind,
  /** What happened, of the kinds that have more than one thing to tell. */
  event: Type.Optional(slug),
  phase: recordPhase,
  /** The id of the opening record that a progress, closing or interrupted record belongs to. */
  opening: Type.Optional(madeId),
  trace,
  verdict: oneOf(['allow', 'deny', 'none']),
  reasons: Type.Array(Type.Enum(reasonNames), { maxItems: 8 }),
  person: Type.Optional(slug),
  device: Type.Optional(madeId),
  session: Type.Optional(madeId),
  app: Type.Optional(appId),
  gateway: Type.Optional(slug),
  grant: Type.Optional(madeId),
  /** The network address as the gateway or the controller saw it. */
  from: Type.Optional(text(64)),
  request: Type.Optional(recordedRequest),
  status: Type.Optional(Type.Integer({ minimum: 0, maximum: 999 })),
  bytesUp: Type.Optional(number(0)),
  bytesDown: Type.Optional(number(0)),
  durationMs: Type.Optional(durationMs),
  epoch: Type.Optional(changeNumber),
  policies: Type.Optional(Type.Array(text(128), { maxItems: 64 })),
  /** Instead of `policies`, from a gateway, which knows no names: their numbers, from 0, in the version `epoch`. */
  numbers: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 9999 }), { maxItems: 64 })),
  /** Content address (hex SHA-256) of the snapshot of facts that the decision rests on (P32). */
  facts: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  /** What the policies were told of the app: it may be another one by the time somebody asks again (P32). */
  appFacts: Type.Optional(strict({ kind: text(16), site: slug, groups: Type.Array(slug, { maxItems: 16 }) })),
  /** How many equal records this one stands for (P24). */
  count: Type.Optional(number(1)),
  /** Who acted, for administrative records, and the reason they gave. */
  actor: Type.Optional(text(100)),
  because: Type.Optional(text(500)),
  /** Further facts of the event, small and without secrets. */
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Fields that were erased since (P34): they are missing here, and the record is still proven by its leaf. */
  erased: Type.Optional(Type.Array(oneOf(personalFields), { maxItems: personalFields.length })),
});
export type AccessRecord = Static<typeof accessRecord>;

/** Each field in one line, for docs/access-log.md. */
export const recordFields: Readonly<
  Record<Exclude<keyof AccessRecord, 'request'> | `request.${keyof typeof recordedRequest.properties}`, string>
> = {
  id: 'Of this record.',
  time: "When it was, in milliseconds by the controller's clock. Of what a gateway told, by its word.",
  arrived: 'When the controller took it in, of what a gateway told. Retention counts from here.',
  kind: 'What it is about: below.',
  event: 'What happened: below.',
  phase: '`single`, or the place in an access: `opening`, `progress`, `closing`, `interrupted`.',
  opening: 'The opening record that this one belongs to.',
  trace: 'What employee, admin and auditor share: 32 hex digits.',
  verdict: '`allow`, `deny`, or `none` where nothing was decided.',
  reasons: 'From the closed list of docs/reference.md.',
  person: 'Who asked, or whom it is about.',
  device: 'The device.',
  session: 'The session.',
  app: 'The app.',
  gateway: 'The gateway.',
  grant: 'The grant.',
  from: 'The network address as gateway or controller saw it.',
  'request.method': 'Of the request.',
  'request.host': 'As it was asked for.',
  'request.path': 'At most 1,024 characters.',
  'request.operation': "The app's name for such requests.",
  status: "The app's answer.",
  bytesUp: 'To the app.',
  bytesDown: 'From the app.',
  durationMs: 'From opening to end.',
  epoch: 'The policy version.',
  policies: 'Names of the policies that determined it.',
  numbers: 'Numbers of those that had no name there.',
  facts: 'Address of the snapshot of facts that it rests on.',
  appFacts: 'What policies were told of the app.',
  count: 'How many equal records this one stands for.',
  actor: 'Who acted.',
  because: 'Why, in their words.',
  details: 'Further facts of the event.',
  erased: 'Fields that were erased since.',
};

const { erased: _, arrived: __, ...whole } = accessRecord.properties;
/** A record in a gateway's spool: idempotent by (gateway, spool, seq). When it arrived, and what was erased of it, is the controller's to say. */
export const spooledRecord = strict({ seq: number(1), record: strict(whole) });
export type SpooledRecord = Static<typeof spooledRecord>;

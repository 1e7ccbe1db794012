/** The admin API: streams of the log to SIEMs. Owners alone change them: whoever sets a target sends the whole log there. */
import { type Static, Type } from 'typebox';
import { list } from './admin-shapes.ts';
import { oneOf, slug, strict, text, time } from './common.ts';
import { count, targetPlace, targetSecrets } from './log-targets.ts';
import { defineContract } from './route.ts';

export const streamKinds = ['syslog', 'otlp', 'splunk', 'elasticsearch', 'file'] as const;
export type StreamKind = (typeof streamKinds)[number];
export const streamFormats = ['json', 'csv', 'ocsf', 'ecs', 'cef', 'rfc5424', 'otlp'] as const;
export type StreamFormat = (typeof streamFormats)[number];

const settings = {
  ...targetPlace,
  index: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9._-]*$', maxLength: 200 })),
  maxBytes: Type.Optional(Type.Integer({ minimum: 4096, maximum: 16 * 1024 ** 3 })),
  keep: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
};

export const newLogStream = strict({
  name: slug,
  kind: oneOf([...streamKinds]),
  /** syslog, elasticsearch and file; each kind has a usual one. */
  format: Type.Optional(oneOf([...streamFormats])),
  ...settings,
  ...targetSecrets,
  /** Milliseconds: what was recorded since then too. Else what is recorded from now on. */
  since: Type.Optional(time),
});
export type NewLogStream = Static<typeof newLogStream>;

const trouble = strict({ why: text(500), since: time, tries: count, nextAt: time });

export const logStreamShown = strict({
  name: slug,
  kind: oneOf([...streamKinds]),
  format: oneOf([...streamFormats]),
  ...settings,
  /** Which are set, never what they are. */
  secrets: Type.Array(oneOf(['token', 'authorization', 'key', 'query'])),
  /** `elsewhere`: another controller runs it. */
  state: oneOf(['running', 'trouble', 'pausing', 'paused', 'elsewhere']),
  position: count,
  /** Records that have not arrived, and how old the oldest of them is. */
  behind: count,
  secondsBehind: count,
  delivered: count,
  deliveredAt: Type.Optional(time),
  setAside: count,
  setAsideAt: Type.Optional(time),
  trouble: Type.Optional(trouble),
  createdBy: text(100),
  createdAt: time,
});
export type LogStreamShown = Static<typeof logStreamShown>;

const byName = strict({ name: slug });
const place = '/v1/admin/log-streams/:name';

export const adminLogStreams = defineContract({
  logStreams: {
    method: 'GET',
    path: '/v1/admin/log-streams',
    summary: 'Streams of the log, and how far each has come',
    access: 'reader',
    answer: list(logStreamShown),
  },
  logStream: {
    method: 'GET',
    path: place,
    summary: 'One stream, with what its target refused for good',
    access: 'reader',
    params: byName,
    answer: strict({
      stream: logStreamShown,
      /** The newest hundred. */
      asides: Type.Array(
        strict({ first: count, last: count, ids: Type.Array(text(64)), count, why: text(500), at: time }),
      ),
    }),
  },
  addLogStream: {
    method: 'POST',
    path: '/v1/admin/log-streams',
    summary: 'Stream the log to a target',
    access: 'owner',
    body: newLogStream,
    answer: logStreamShown,
  },
  testLogStream: {
    method: 'POST',
    path: `${place}/test`,
    summary: 'Send the record of this test to the target now, out of turn',
    access: 'owner',
    params: byName,
    answer: strict({ arrived: Type.Boolean(), record: text(64), ms: count, why: Type.Optional(text(500)) }),
  },
  pauseLogStream: {
    method: 'POST',
    path: `${place}/pause`,
    summary: 'Stop a stream behind the record that says so',
    access: 'owner',
    params: byName,
    answer: logStreamShown,
  },
  resumeLogStream: {
    method: 'POST',
    path: `${place}/resume`,
    summary: 'Go on where it stopped',
    access: 'owner',
    params: byName,
    answer: logStreamShown,
  },
  removeLogStream: {
    method: 'DELETE',
    path: place,
    summary: 'Forget a stream, with its position and secrets',
    access: 'owner',
    params: byName,
  },
});

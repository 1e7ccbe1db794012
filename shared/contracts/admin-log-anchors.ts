/** The admin API: places outside to which checkpoints of the log go, and witnesses that sign them. Owners alone change them. */
import { type Static, Type } from 'typebox';
import { list } from './admin-shapes.ts';
import { oneOf, slug, strict, text, time } from './common.ts';
import { count, targetPlace, targetSecrets } from './log-targets.ts';
import { defineContract } from './route.ts';

export const anchorKinds = ['file', 'syslog', 'url', 'witness'] as const;
export type AnchorKind = (typeof anchorKinds)[number];

const settings = {
  ...targetPlace,
  /** Public key of the witness in the form of notes, for cosignatures. */
  witnessKey: Type.Optional(text(500)),
};

export const newLogAnchor = strict({
  name: slug,
  kind: oneOf([...anchorKinds]),
  ...settings,
  authorization: targetSecrets.authorization,
  key: targetSecrets.key,
  /** Each kind has a usual one. */
  everySeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
});
export type NewLogAnchor = Static<typeof newLogAnchor>;

export const logAnchorShown = strict({
  name: slug,
  kind: oneOf([...anchorKinds]),
  ...settings,
  /** Which are set, never what they are. */
  secrets: Type.Array(oneOf(['authorization', 'key', 'query'])),
  everySeconds: count,
  /** Of the newest checkpoint that stands there; 0 before the first. */
  size: count,
  /** Leaves that the log has and no checkpoint there is over. */
  behind: count,
  anchoredAt: Type.Optional(time),
  trouble: Type.Optional(strict({ why: text(500), since: time })),
  createdBy: text(100),
  createdAt: time,
});
export type LogAnchorShown = Static<typeof logAnchorShown>;

const byName = strict({ name: slug });
const place = '/v1/admin/log-anchors/:name';

export const adminLogAnchors = defineContract({
  logAnchors: {
    method: 'GET',
    path: '/v1/admin/log-anchors',
    summary: 'Places outside to which checkpoints go, and the newest that stands in each',
    access: 'reader',
    answer: list(logAnchorShown),
  },
  addLogAnchor: {
    method: 'POST',
    path: '/v1/admin/log-anchors',
    summary: 'Let checkpoints go to a place outside, or to a witness',
    access: 'owner',
    body: newLogAnchor,
    answer: logAnchorShown,
  },
  tryLogAnchor: {
    method: 'POST',
    path: `${place}/try`,
    summary: 'Send the newest checkpoint there now',
    access: 'owner',
    params: byName,
    answer: strict({ size: count, ms: count, why: Type.Optional(text(500)) }),
  },
  removeLogAnchor: {
    method: 'DELETE',
    path: place,
    summary: 'Forget a place outside; what stands there stays',
    access: 'owner',
    params: byName,
  },
});

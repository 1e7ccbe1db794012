/** The admin API: what a person or a device touched, as the log tells it. */
import { type Static, Type } from 'typebox';
import { misdatedShown, prunedShown } from './admin-search.ts';
import { deviceState } from './agent-to-controller.ts';
import { appId, madeId, oneOf, slug, strict, text, time } from './common.ts';
import { recordKind } from './record.ts';
import { defineContract } from './route.ts';

const count = Type.Integer({ minimum: 0 });
const span = { first: time, last: time } as const;

const appTouched = strict({
  app: appId,
  /** Requests and tunnels that were let through, and how many of them still run, as far as the log knows. */
  accesses: count,
  running: count,
  denied: count,
  bytesUp: count,
  bytesDown: count,
  ...span,
  gateways: Type.Array(slug),
  /** The most frequent: an operation by its name, else method and path; of a tunnel its target. */
  requests: Type.Array(strict({ request: text(1200), count, denied: count })),
  /** True when there were more kinds of request than are listed. */
  more: Type.Boolean(),
});

export const touched = strict({
  kind: oneOf(['person', 'device']),
  id: text(64),
  person: slug,
  from: time,
  to: time,
  records: count,
  /** True when there are more records than a report reads: what is before `from` here is not in it. */
  cutOff: Type.Boolean(),
  /** Records of them that cannot be read: what these tell is missing here. */
  unreadable: Type.Optional(count),
  pruned: Type.Optional(prunedShown),
  misdated: Type.Optional(misdatedShown),
  apps: Type.Array(appTouched),
  addresses: Type.Array(strict({ address: text(64), records: count, ...span })),
  /** Refusals by reason, at gateways and the controller. */
  denied: Type.Array(strict({ reason: text(64), app: Type.Optional(appId), count, ...span })),
  /** Sign-ins, steps up and their refusals. */
  signIns: Type.Array(
    strict({
      time,
      verdict: oneOf(['allow', 'deny', 'none']),
      device: Type.Optional(madeId),
      address: Type.Optional(text(64)),
      what: text(100),
    }),
  ),
  /** Factors, enrolments and devices changed, by whomever; and what the person did as an administrator. */
  changes: Type.Array(
    strict({
      time,
      kind: recordKind,
      what: text(100),
      device: Type.Optional(madeId),
      address: Type.Optional(text(64)),
      by: Type.Optional(text(100)),
    }),
  ),
  /** All devices of the person; `last` and `records` within the time of the report. */
  devices: Type.Array(
    strict({
      device: madeId,
      name: text(253),
      state: deviceState,
      enrolledAt: time,
      records: count,
      last: Type.Optional(time),
    }),
  ),
});
export type Touched = Static<typeof touched>;

export const adminTouched = defineContract({
  touched: {
    method: 'GET',
    path: '/v1/admin/touched',
    summary: 'What a person or a device touched: apps, requests, bytes, addresses, refusals, sign-ins, changes',
    access: 'reader',
    query: strict({
      kind: oneOf(['person', 'device']),
      id: text(64),
      from: time,
      to: Type.Optional(time),
    }),
    answer: touched,
  },
});

/** Edge 1, `/v1/me/*`: what people manage themselves from a signed-in device. */
import { Type } from 'typebox';
import { deviceState } from './agent-to-controller.ts';
import { madeId, oneOf, shortText, slug, strict, text, time } from './common.ts';
import { myReviews } from './my-reviews.ts';
import { accessRecord } from './record.ts';
import { defineContract } from './route.ts';

const factor = strict({
  id: madeId,
  kind: oneOf(['password', 'totp', 'recovery-codes']),
  name: text(100),
  createdAt: time,
  left: Type.Optional(Type.Integer()),
});
const device = strict({
  id: madeId,
  name: text(253),
  os: text(16),
  state: deviceState,
  enrolledAt: time,
  lastSeenAt: Type.Optional(time),
  here: Type.Boolean(),
  fingerprint: text(100),
});
const session = strict({ id: madeId, device: madeId, startedAt: time, lastActiveAt: time, here: Type.Boolean() });
const byId = strict({ id: madeId });

export const myAccount = defineContract({
  ...myReviews,
  me: {
    method: 'GET',
    path: '/v1/me',
    summary: 'Who I am and how I am signed in',
    access: 'session',
    answer: strict({
      person: strict({ id: slug, name: shortText }),
      session: madeId,
      amr: Type.Array(text(16)),
      expiresInMs: Type.Integer(),
      idleInMs: Type.Integer(),
      secondFactorAgeMs: Type.Optional(Type.Integer()),
    }),
  },
  factors: {
    method: 'GET',
    path: '/v1/me/factors',
    summary: 'My factors',
    access: 'session',
    answer: strict({ factors: Type.Array(factor) }),
  },
  changePassword: {
    method: 'POST',
    path: '/v1/me/password',
    summary: 'Change my password',
    access: 'session',
    body: strict({ current: text(1024), next: text(1024) }),
  },
  addTotp: {
    method: 'POST',
    path: '/v1/me/totp',
    summary: 'Start to replace or add an authenticator app',
    access: 'session',
    answer: strict({ id: madeId, secret: text(128), uri: text(512) }),
  },
  confirmTotp: {
    method: 'POST',
    path: '/v1/me/totp/:id',
    summary: 'Confirm it with its first code',
    access: 'session',
    params: byId,
    body: strict({ code: text(32) }),
  },
  removeFactor: {
    method: 'DELETE',
    path: '/v1/me/factors/:id',
    summary: 'Remove a factor; never the last second factor',
    access: 'session',
    params: byId,
  },
  recoveryCodes: {
    method: 'POST',
    path: '/v1/me/recovery-codes',
    summary: 'New recovery codes; the old ones stop working',
    access: 'session',
    answer: strict({ codes: Type.Array(text(64)) }),
  },
  devices: {
    method: 'GET',
    path: '/v1/me/devices',
    summary: 'My devices',
    access: 'session',
    answer: strict({ devices: Type.Array(device) }),
  },
  removeDevice: {
    method: 'DELETE',
    path: '/v1/me/devices/:id',
    summary: 'Take one of my devices out of service',
    access: 'session',
    params: byId,
  },
  sessions: {
    method: 'GET',
    path: '/v1/me/sessions',
    summary: 'My sessions',
    access: 'session',
    answer: strict({ sessions: Type.Array(session) }),
  },
  endSession: {
    method: 'DELETE',
    path: '/v1/me/sessions/:id',
    summary: 'End one of my sessions',
    access: 'session',
    params: byId,
  },
  notices: {
    method: 'GET',
    path: '/v1/me/notices',
    summary: 'What others did to my account in the last 30 days (P5)',
    access: 'session',
    answer: strict({
      notices: Type.Array(
        strict({
          at: time,
          /** In plain words, without names of administrators. */
          what: text(200),
          /** Since the sign-in before this one. */
          new: Type.Boolean(),
        }),
        { maxItems: 100 },
      ),
    }),
  },
  access: {
    method: 'GET',
    path: '/v1/me/access',
    summary: 'My own recent access, with reasons',
    access: 'session',
    query: strict({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) }),
    answer: strict({ records: Type.Array(accessRecord) }),
  },
});

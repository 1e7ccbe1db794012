/** The admin API: status, apply, backup. */
import { Type } from 'typebox';
import { logStreamShown } from './admin-log-streams.ts';
import * as shown from './admin-objects.ts';
import { changeNumber, oneOf, shortText, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

export const adminSystem = defineContract({
  status: {
    method: 'GET',
    path: '/v1/admin/status',
    summary: 'Green, or what to do',
    access: 'reader',
    answer: strict({
      organisation: shortText,
      version: text(32),
      time,
      change: changeNumber,
      epoch: changeNumber,
      people: Type.Integer(),
      devices: Type.Integer(),
      sessions: Type.Integer(),
      apps: Type.Integer(),
      grants: Type.Integer(),
      records: Type.Integer(),
      gateways: Type.Array(shown.gatewayShown),
      /** Bytes that the controller may still write; `short`: only what is reserved is left (P24); `failing`: it takes nothing at all. */
      disk: strict({ free: Type.Integer(), short: Type.Boolean(), failing: Type.Boolean() }),
      certificates: Type.Array(strict({ name: text(100), endsAt: time })),
      /** Where the services listener is reached; absent while it is off. */
      services: Type.Optional(text(300)),
      logStreams: Type.Array(logStreamShown),
      todo: Type.Array(text(500)),
    }),
  },
  apply: {
    method: 'POST',
    path: '/v1/admin/apply',
    summary: 'Apply a whole description, or nothing of it',
    access: 'admin',
    maxBody: 8 * 1024 * 1024,
    body: strict({ bundle: shown.bundle, dryRun: Type.Boolean(), message: Type.Optional(text(500)) }),
    answer: strict({
      changes: Type.Array(strict({ what: text(200), how: oneOf(['add', 'change', 'remove', 'same']) })),
      epoch: Type.Optional(changeNumber),
      cut: Type.Optional(shown.cutReport),
      warnings: Type.Array(text(2000)),
    }),
  },
  export: {
    method: 'GET',
    path: '/v1/admin/export',
    summary: 'The description that `apply` takes',
    access: 'reader',
    answer: shown.bundle,
  },
  backup: {
    method: 'POST',
    path: '/v1/admin/backup',
    summary: 'Write a consistent copy of the store to a new file on the host of the controller',
    access: 'owner',
    body: strict({ file: text(1024) }),
    answer: strict({ file: text(1024), bytes: Type.Integer() }),
  },
});

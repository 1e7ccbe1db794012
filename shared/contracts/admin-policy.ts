/** The admin API: policy versions and what-if. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { list } from './admin-shapes.ts';
import { appId, changeNumber, madeId, oneOf, slug, strict, text, time } from './common.ts';
import { exactRequest, grantAction } from './grant.ts';
import { defineContract } from './route.ts';
import { fix } from './sign-in.ts';

export const adminPolicy = defineContract({
  policy: {
    method: 'GET',
    path: '/v1/admin/policy',
    summary: 'A policy version; the one in force unless told',
    access: 'reader',
    query: strict({ epoch: Type.Optional(changeNumber) }),
    answer: strict({ version: shown.policyVersion, files: Type.Array(shown.policyFile) }),
  },
  policyHistory: {
    method: 'GET',
    path: '/v1/admin/policy/history',
    summary: 'All versions',
    access: 'reader',
    answer: list(shown.policyVersion),
  },
  validatePolicy: {
    method: 'POST',
    path: '/v1/admin/policy/validate',
    summary: 'Validate without publishing',
    access: 'reader',
    maxBody: 4 * 1024 * 1024,
    body: strict({ files: Type.Array(shown.policyFile) }),
    answer: strict({
      valid: Type.Boolean(),
      problems: Type.Array(
        strict({
          severity: oneOf(['error', 'warning']),
          file: text(128),
          policy: Type.Optional(text(128)),
          line: Type.Optional(Type.Integer()),
          message: text(2000),
        }),
      ),
    }),
  },
  publishPolicy: {
    method: 'POST',
    path: '/v1/admin/policy/publish',
    summary: 'Publish; takes back only grants that got worse (P14)',
    access: 'admin',
    maxBody: 4 * 1024 * 1024,
    body: strict({
      files: Type.Array(shown.policyFile),
      message: text(500),
      expectedEpoch: Type.Optional(changeNumber),
    }),
    answer: strict({ epoch: changeNumber, cut: shown.cutReport, warnings: Type.Array(text(2000)) }),
  },
  rollbackPolicy: {
    method: 'POST',
    path: '/v1/admin/policy/rollback',
    summary: 'Put an earlier version in force, as a new version',
    access: 'admin',
    body: strict({ epoch: changeNumber, message: Type.Optional(text(500)) }),
    answer: strict({ epoch: changeNumber, cut: shown.cutReport }),
  },
  whatIf: {
    method: 'POST',
    path: '/v1/admin/policy/what-if',
    summary: 'What would be decided, with its reasons and smallest fixes',
    access: 'reader',
    body: strict({
      person: slug,
      device: Type.Optional(madeId),
      app: appId,
      act: grantAction,
      request: Type.Optional(exactRequest),
      from: Type.Optional(text(64)),
      at: Type.Optional(time),
      secondFactorAgeSeconds: Type.Optional(Type.Integer()),
    }),
    answer: strict({
      verdict: oneOf(['allow', 'deny']),
      reasons: Type.Array(text(64)),
      policies: Type.Array(text(128)),
      errors: Type.Array(text(2000)),
      fixes: Type.Array(fix),
      facts: Type.Unknown(),
    }),
  },
});

/** The admin API: policy versions and what-if. */
import { Type } from 'typebox';
import { explanation } from './admin-explain.ts';
import * as shown from './admin-objects.ts';
import { list } from './admin-shapes.ts';
import { appId, changeNumber, madeId, oneOf, slug, strict, text, time } from './common.ts';
import { exactRequest, grantAction, grantUse } from './grant.ts';
import { policyKnown } from './policy-known.ts';
import { defineContract } from './route.ts';
import { fix } from './sign-in.ts';

/** Bytes of a body that carries the policies and tests of a version. */
export const maxDraft = 6 * 1024 * 1024;
const draft = { files: Type.Array(shown.policyFile), tests: Type.Array(shown.policyTestFile) };
/** No tests: the version has none. */
export const draftGiven = { files: draft.files, tests: Type.Optional(draft.tests) };

export const adminPolicy = defineContract({
  policy: {
    method: 'GET',
    path: '/v1/admin/policy',
    summary: 'A policy version; the one in force unless told',
    access: 'reader',
    query: strict({ epoch: Type.Optional(changeNumber) }),
    answer: strict({ version: shown.policyVersion, ...draft }),
  },
  policyHistory: {
    method: 'GET',
    path: '/v1/admin/policy/history',
    summary: 'All versions',
    access: 'reader',
    answer: list(shown.policyVersion),
  },
  policyKnown: {
    method: 'GET',
    path: '/v1/admin/policy/known',
    summary: 'What policies and tests may name, people apart: for validating and testing without a controller',
    access: 'reader',
    answer: policyKnown,
  },
  validatePolicy: {
    method: 'POST',
    path: '/v1/admin/policy/validate',
    summary: 'Validate policies and run their tests, without publishing',
    access: 'reader',
    maxBody: maxDraft,
    body: strict(draftGiven),
    answer: strict({
      /** Neither an error nor a test that fails. */
      valid: Type.Boolean(),
      problems: Type.Array(shown.policyProblem),
      tests: Type.Array(shown.policyTestResult),
    }),
  },
  publishPolicy: {
    method: 'POST',
    path: '/v1/admin/policy/publish',
    summary: 'Publish; takes back only grants that got worse (P14)',
    access: 'admin',
    maxBody: maxDraft,
    body: strict({
      ...draftGiven,
      message: text(500),
      expectedEpoch: Type.Optional(changeNumber),
      evenIfItLocksOut: Type.Optional(Type.Boolean()),
    }),
    answer: strict({ epoch: changeNumber, cut: shown.cutReport, warnings: Type.Array(text(2000)) }),
  },
  rollbackPolicy: {
    method: 'POST',
    path: '/v1/admin/policy/rollback',
    summary: 'Put an earlier version in force, as a new version',
    access: 'admin',
    body: strict({
      epoch: changeNumber,
      message: Type.Optional(text(500)),
      evenIfItLocksOut: Type.Optional(Type.Boolean()),
    }),
    answer: strict({ epoch: changeNumber, cut: shown.cutReport, warnings: Type.Array(text(2000)) }),
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
      /** Of an allow: `once` when it would be granted for one use. */
      use: Type.Optional(grantUse),
      reasons: Type.Array(text(64)),
      policies: Type.Array(text(128)),
      errors: Type.Array(text(2000)),
      /** What the person would be told of a deny. */
      fixes: Type.Array(fix),
      facts: Type.Unknown(),
      explanation,
    }),
  },
});

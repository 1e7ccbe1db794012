/** The admin API: drafts of policy versions that wait for a second administrator. */
import { type Static, Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { draftGiven, maxDraft } from './admin-policy.ts';
import { list } from './admin-shapes.ts';
import { changeNumber, madeId, oneOf, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

export const draftState = oneOf(['waiting', 'approved', 'rejected', 'expired']);

export const policyDraft = strict({
  id: madeId,
  by: text(100),
  message: text(500),
  because: Type.Optional(text(500)),
  /** The version in force when it was made; another one in force by now is a conflict. */
  base: changeNumber,
  policies: Type.Integer(),
  at: time,
  endsAt: time,
  state: draftState,
  decidedBy: Type.Optional(text(100)),
  decidedAt: Type.Optional(time),
  /** The version it became. */
  epoch: Type.Optional(changeNumber),
});
export type PolicyDraftShown = Static<typeof policyDraft>;

/** Signatures beside the author's that a version needs. */
export const publishingSettings = strict({ approvals: Type.Integer({ minimum: 0, maximum: 1 }) });

export const adminDrafts = defineContract({
  policyDrafts: {
    method: 'GET',
    path: '/v1/admin/policy/drafts',
    summary: 'Drafts, the newest first: those that wait, and those decided in the last 30 days',
    access: 'reader',
    answer: list(policyDraft),
  },
  policyDraft: {
    method: 'GET',
    path: '/v1/admin/policy/drafts/:id',
    summary: 'A draft with its policies and tests',
    access: 'reader',
    params: strict({ id: madeId }),
    answer: strict({
      draft: policyDraft,
      files: Type.Array(shown.policyFile),
      tests: Type.Array(shown.policyTestFile),
    }),
  },
  draftPolicy: {
    method: 'POST',
    path: '/v1/admin/policy/drafts',
    summary: 'Leave a draft for a second administrator; validated and tested as if it were published',
    access: 'admin',
    maxBody: maxDraft,
    body: strict({ ...draftGiven, message: text(500), expectedEpoch: Type.Optional(changeNumber) }),
    answer: strict({ draft: policyDraft, warnings: Type.Array(text(2000)) }),
  },
  approveDraft: {
    method: 'POST',
    path: '/v1/admin/policy/drafts/:id/approve',
    summary: 'Publish a draft of another administrator; validated and tested again',
    access: 'admin',
    params: strict({ id: madeId }),
    answer: strict({ epoch: changeNumber, cut: shown.cutReport, warnings: Type.Array(text(2000)) }),
  },
  rejectDraft: {
    method: 'POST',
    path: '/v1/admin/policy/drafts/:id/reject',
    summary: 'Reject a draft, or take back your own',
    access: 'admin',
    params: strict({ id: madeId }),
    answer: strict({ draft: policyDraft }),
  },
  publishingSettings: {
    method: 'GET',
    path: '/v1/admin/policy/settings',
    summary: 'How versions are published',
    access: 'reader',
    answer: publishingSettings,
  },
  setPublishing: {
    method: 'PUT',
    path: '/v1/admin/policy/settings',
    summary: 'Whether a version needs a second administrator; on record',
    access: 'owner',
    body: publishingSettings,
    answer: publishingSettings,
  },
});

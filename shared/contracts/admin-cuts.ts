/** The admin API: taking back. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { list } from './admin-shapes.ts';
import { changeNumber, oneOf, strict, text } from './common.ts';
import { defineContract } from './route.ts';

export const adminCuts = defineContract({
  grants: {
    method: 'GET',
    path: '/v1/admin/grants',
    summary: 'Grants alive now',
    access: 'reader',
    answer: list(shown.grantShown),
  },
  revoke: {
    method: 'POST',
    path: '/v1/admin/revoke',
    summary: 'Take back grants and cut what runs on them',
    access: 'admin',
    body: strict({
      kind: oneOf(['person', 'device', 'session', 'grant', 'app', 'gateway', 'everything']),
      id: text(64),
      because: Type.Optional(text(500)),
    }),
    answer: shown.cutReport,
  },
  contain: {
    method: 'POST',
    path: '/v1/admin/contain',
    summary: 'Suspend, revoke everything, void invitations, until lifted (P17)',
    access: 'admin',
    body: strict({ kind: oneOf(['person', 'device']), id: text(64), because: text(500) }),
    answer: shown.cutReport,
  },
  lift: {
    method: 'POST',
    path: '/v1/admin/lift',
    summary: 'Lift a suspension',
    access: 'admin',
    body: strict({ kind: oneOf(['person', 'device']), id: text(64), because: Type.Optional(text(500)) }),
  },
  /** Watches an earlier change until every gateway applied it. */
  cut: {
    method: 'GET',
    path: '/v1/admin/cuts/:change',
    summary: 'How far a revocation has come',
    access: 'reader',
    params: strict({ change: changeNumber }),
    answer: shown.cutReport,
  },
});

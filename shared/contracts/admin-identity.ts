/** The admin API: acting under a name. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { slug, strict, text } from './common.ts';
import { defineContract } from './route.ts';

export const adminIdentity = defineContract({
  adminSignIn: {
    method: 'POST',
    path: '/v1/admin/sign-in',
    summary: 'Work under your own name and role',
    access: 'reader',
    body: strict({ person: slug, password: text(1024), code: text(64) }),
    answer: strict({ token: text(128), person: slug, role: shown.role, expiresInMs: Type.Integer() }),
  },
  adminSignOut: { method: 'POST', path: '/v1/admin/sign-out', summary: 'End the admin session', access: 'reader' },
  whoAmI: {
    method: 'GET',
    path: '/v1/admin/whoami',
    summary: 'Who I act as',
    access: 'reader',
    answer: strict({ actor: text(100), role: shown.role }),
  },
});

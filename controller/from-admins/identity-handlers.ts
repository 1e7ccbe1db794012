/** Acting under one's own name: admin sessions of one hour. */
import type { adminIdentity } from '#shared/contracts/admin-identity.ts';
import { adminSignIn } from '../admin/admin-sign-in.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { adminScheme, hashToken } from './authorize-admin.ts';
import { recordAdmin } from './record-admin.ts';

export function identityHandlers(parts: AdminParts): HandlersOf<typeof adminIdentity> {
  const { db, clock } = parts;
  return {
    adminSignIn: ({ body, trace }) => adminSignIn(parts, body, trace),

    async adminSignOut({ caller, request }) {
      const { authorization } = request.headers;
      if (caller.person === undefined || authorization === undefined) return;
      await db.transaction().execute(async (trx) => {
        const token = authorization.slice(adminScheme.length);
        await trx.deleteFrom('admin_sessions').where('token_hash', '=', hashToken(token)).execute();
        await recordAdmin(trx, clock.now(), caller, {
          kind: 'sign-in',
          event: 'admin-signed-out',
          person: caller.actor,
        });
      });
    },

    whoAmI: ({ caller }) => ({ actor: caller.actor, role: caller.role }),
  };
}

/** Invitations of people's devices. The text is answered once and stored nowhere. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminPeople } from '#shared/contracts/admin-people.ts';
import { createInvitation, invitationText, voidInvitations } from '../identity/invitations.ts';
import { invitationOwner } from '../identity/knock-owners.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { requireManage } from './people-handlers.ts';
import { recordAdmin } from './record-admin.ts';

type Routes = Pick<HandlersOf<typeof adminPeople>, 'invitations' | 'invite' | 'voidInvitation'>;

export function invitationHandlers(parts: AdminParts): Routes {
  const { db, clock } = parts;
  return {
    async invitations() {
      const now = clock.now();
      const rows = await db.selectFrom('invitations').selectAll().orderBy('created_at', 'desc').execute();
      const items = rows.map((row) => ({
        id: row.id,
        kind: row.kind as 'device',
        for: row.subject,
        state: (row.state === 'open' && row.ends_at <= now ? 'expired' : row.state) as 'open',
        createdAt: row.created_at,
        endsAt: row.ends_at,
        by: row.created_by,
      }));
      return { items };
    },

    async invite({ body: { person, approval, hours, ownership }, caller }) {
      const at = clock.now();
      const invited = await db.transaction().execute(async (trx) => {
        await requireManage(trx, caller, person);
        const row = await trx.selectFrom('people').select('state').where('id', '=', person).executeTakeFirst();
        if (row?.state !== 'active') {
          throw new PosternError('conflict', `${person} is ${row?.state}`, { tell: `This person is ${row?.state}.` });
        }
        const { id, code, endsAt } = await createInvitation(trx, at, {
          kind: 'device',
          subject: person,
          createdBy: caller.actor,
          ...(approval === undefined ? {} : { approval }),
          ...(hours === undefined ? {} : { hours }),
          ...(ownership === undefined ? {} : { ownership }),
        });
        const details = { invitation: id, approval: approval ?? 'none', endsAt };
        await recordAdmin(trx, at, caller, { event: 'invited', person, details });
        return { id, invitation: inviteText(parts, { id, code }, 'device'), endsAt };
      });
      await parts.door.admitted();
      return invited;
    },

    async voidInvitation({ params: { id }, caller }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom('invitations')
          .select(['kind', 'subject', 'state'])
          .where('id', '=', id)
          .executeTakeFirst();
        if (row === undefined) throw new PosternError('not-found', `there is no invitation ${id}`);
        if ((await voidInvitations(trx, { id })) === 0) {
          throw new PosternError('conflict', `invitation ${id} is ${row.state}`, {
            tell: `It is ${row.state} already.`,
          });
        }
        const details = { invitation: id, kind: row.kind, for: row.subject };
        await recordAdmin(trx, at, caller, { event: 'invitation-voided', details });
      });
    },
  };
}

export function inviteText(
  parts: AdminParts,
  { id, code }: { readonly id: string; readonly code: string },
  role: 'device' | 'gateway',
): string {
  const { authority, settings, reached, door } = parts;
  const { bootstrap, mutual } = reached();
  const [root] = authority.bundle();
  if (root === undefined) throw new PosternError('internal', 'the trust bundle is empty');
  const knock = { invitation: id, secret: door.secrets.of(invitationOwner(id)), ...door.told() };
  return invitationText({ bootstrap, mutual, root, code, role, organisation: settings.organisation, knock });
}

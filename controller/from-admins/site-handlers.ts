/** Sites and gateways. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminApps } from '#shared/contracts/admin-apps.ts';
import { putSite } from '../admin/put-site.ts';
import { removeGateway } from '../admin/remove-gateway.ts';
import { showGateways } from '../admin/show-gateways.ts';
import { createInvitation, voidInvitations } from '../identity/invitations.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { inviteText } from './invitation-handlers.ts';
import { recordAdmin } from './record-admin.ts';

type Routes = Pick<HandlersOf<typeof adminApps>, 'sites' | 'putSite' | 'gateways' | 'inviteGateway' | 'removeGateway'>;

export function siteHandlers(parts: AdminParts): Routes {
  const { db, clock, authority } = parts;
  return {
    sites: async () => ({ items: await db.selectFrom('sites').selectAll().orderBy('id').execute() }),

    putSite({ params: { id }, body: { name }, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const { before, how } = await putSite(trx, { id, name });
        const event = how === 'add' ? 'site-added' : 'site-changed';
        if (how !== 'same') await recordAdmin(trx, at, caller, { event, before, after: { id, name } });
        return { id, name };
      });
    },

    gateways: async () => ({ items: await showGateways(db, parts) }),

    async inviteGateway({ body: { id, site, address, hours }, caller }) {
      const at = clock.now();
      const invited = await db.transaction().execute(async (trx) => {
        await prepareGateway(trx, at, { id, site, address });
        await voidInvitations(trx, { subject: id, kinds: ['gateway'] });
        const order = { kind: 'gateway', subject: id, createdBy: caller.actor } as const;
        const {
          id: invitation,
          code,
          endsAt,
        } = await createInvitation(trx, at, hours === undefined ? order : { ...order, hours });
        const details = { site, address, endsAt };
        await recordAdmin(trx, at, caller, { event: 'gateway-invited', gateway: id, details });
        return { invitation: inviteText(parts, { id: invitation, code }, 'gateway'), endsAt };
      });
      await parts.door.admitted();
      return invited;
    },

    async removeGateway({ params: { id }, query, caller }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        await removeGateway(trx, at, authority, id);
        await recordAdmin(trx, at, caller, { event: 'gateway-removed', gateway: id, because: query.because });
      });
      parts.cutGateway(id);
    },
  };
}

/** A new row, or an existing gateway that will join again with a new key. Throws `bad-request` or `conflict`. */
async function prepareGateway(
  trx: Trx,
  at: number,
  { id, site, address }: { id: string; site: string; address: string },
): Promise<void> {
  const known = await trx.selectFrom('sites').select('id').where('id', '=', site).executeTakeFirst();
  if (known === undefined) throw new PosternError('bad-request', `no site ${site}`, { tell: 'There is no such site.' });
  const row = await trx.selectFrom('gateways').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) {
    const nothing = { jkt: null, public_jwk: null, certificate_serial: null, certificate_ends_at: null };
    const never = {
      identity_jwk: null,
      generation: null,
      through: 0,
      last_seen_at: null,
      joined_at: null,
      door: 'none',
      knock_ports: '',
      prelude_port: 0,
    };
    await trx
      .insertInto('gateways')
      .values({ id, site, address, state: 'invited', ...nothing, ...never })
      .execute();
    return;
  }
  if (row.state === 'gone') {
    throw new PosternError('conflict', `gateway ${id} is gone`, {
      tell: 'A former gateway had this id: ids are not used again.',
    });
  }
  if (row.site !== site) {
    throw new PosternError('conflict', `gateway ${id} is of site ${row.site}`, {
      tell: `This gateway belongs to the site "${row.site}": use another id.`,
    });
  }
  await trx.updateTable('gateways').set({ address }).where('id', '=', id).execute();
  await nextChange(trx, at);
}

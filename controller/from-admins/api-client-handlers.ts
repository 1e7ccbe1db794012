/** API clients: adding, rotating and removing, each on record, never with a token. */
import type { adminApiClients } from '#shared/contracts/admin-api-clients.ts';
import { addApiClient, removeApiClient, rotateApiClient, showApiClients } from '../admin/api-clients.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function apiClientHandlers({ db, clock }: AdminParts): HandlersOf<typeof adminApiClients> {
  return {
    apiClients: async () => ({ items: await showApiClients(db, clock.now()) }),

    addApiClient({ body: { name, scopes, days }, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const given = await addApiClient(trx, at, { name, scopes, days, by: caller.actor });
        const details = { client: name, scopes, endsAt: given.endsAt };
        await recordAdmin(trx, at, caller, { event: 'api-client-added', details });
        return given;
      });
    },

    rotateApiClient({ params: { name }, body, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const given = await rotateApiClient(trx, at, name, body);
        const details = { client: name, endsAt: given.endsAt, overlapHours: body.overlapHours ?? 0 };
        await recordAdmin(trx, at, caller, { event: 'api-client-rotated', details });
        return given;
      });
    },

    async removeApiClient({ params: { name }, caller }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        await removeApiClient(trx, at, name);
        await recordAdmin(trx, at, caller, { event: 'api-client-removed', details: { client: name } });
      });
    },
  };
}

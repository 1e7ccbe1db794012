/** Apps. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminApps } from '#shared/contracts/admin-apps.ts';
import { checkApp } from '../admin/check-app.ts';
import { putApp, removeApp } from '../admin/put-app.ts';
import { loadApp, loadApps } from '../grants/load-facts.ts';
import { refuseTooLarge } from '../publishing/check-sizes.ts';
import { busiestRate } from '../publishing/grant-rate.ts';
import { readChange } from '../store/changes.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

type Routes = Pick<HandlersOf<typeof adminApps>, 'apps' | 'putApp' | 'removeApp' | 'checkApp' | 'appGrantRate'>;

export function appHandlers(parts: AdminParts): Routes {
  const { db, clock, cuts } = parts;
  return {
    apps: async () => ({ items: await loadApps(db) }),

    putApp({ params: { id }, body: app, caller }) {
      if (app.id !== id)
        throw new PosternError('bad-request', undefined, { tell: 'The id in the path is another one.' });
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const { before, how } = await putApp(trx, at, parts, app);
        const set = parts.decider.policy();
        if (how !== 'same' && set !== undefined)
          await refuseTooLarge(trx, { set, at, timezone: parts.decider.timezone, only: app.id });
        const event = how === 'add' ? 'app-added' : 'app-changed';
        if (how !== 'same') await recordAdmin(trx, at, caller, { event, app: id, before, after: app });
        return app;
      });
    },

    async checkApp({ params: { id }, caller }) {
      const app = await loadApp(db, id);
      if (app === undefined) throw new PosternError('not-found', `no app ${id}`, { tell: 'There is no such app.' });
      // First: what dials somewhere at somebody's word is on record, whatever comes of it.
      await recordAdmin(db, clock.now(), caller, {
        event: 'app-checked',
        app: id,
        details: { upstream: app.upstream },
      });
      return checkApp(parts, app);
    },

    async appGrantRate({ params: { id } }) {
      const perSecond = await busiestRate(db, id, clock.now());
      return perSecond === undefined ? {} : { perSecond };
    },

    async removeApp({ params: { id }, caller }) {
      const at = clock.now();
      const cut = await db.transaction().execute(async (trx) => {
        const after = await readChange(trx);
        const { before, n, grants } = await removeApp(trx, at, parts, id);
        await recordAdmin(trx, at, caller, { event: 'app-removed', app: id, before });
        return { n, after, grants };
      });
      return cuts.report({ ...cut, at, sessions: 0 });
    },
  };
}

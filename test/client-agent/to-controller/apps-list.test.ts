/** The list of apps: what the controller put off is asked for again, by nobody but the list itself. */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { AppsList, type AppsOptions } from '../../../client-agent/to-controller/apps-list.ts';

const wiki = { id: 'wiki', name: 'Wiki' } as unknown as AppListed;

t.test('a list that was put off comes by itself', async (t) => {
  // The list's own timer does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  let asked = 0;
  const apps = async () => {
    asked += 1;
    if (asked <= 2) throw new PosternError('over-budget', undefined, { extra: { retryAfterMs: 1 } });
    return { apps: [wiki] };
  };
  const changed = Promise.withResolvers<void>();
  const parts = { link: { calls: { apps } }, sessions: { isSignedIn: () => true, noteRefusal: () => {} } };
  const list = new AppsList({ ...parts, log: silentLog, onChange: changed.resolve } as unknown as AppsOptions);
  await list.refreshQuietly();
  t.same(list.all(), []);
  await changed.promise;
  t.same(list.all(), [wiki]);
});

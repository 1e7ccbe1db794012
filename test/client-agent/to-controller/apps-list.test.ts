/** The list of apps: what the controller put off is asked for again, by nobody but the list itself. */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { AppsList, type AppsOptions } from '../../../client-agent/to-controller/apps-list.ts';

const wiki = { id: 'wiki', name: 'Wiki' } as unknown as AppListed;

/** Refuses `refusals` times with `refusal`, then gives the wiki. */
function makeList(refusals: number, refusal: () => PosternError) {
  const changed = Promise.withResolvers<void>();
  const asked = { times: 0 };
  const apps = async () => {
    asked.times += 1;
    if (asked.times <= refusals) throw refusal();
    return { apps: [wiki] };
  };
  const parts = { link: { calls: { apps } }, sessions: { isSignedIn: () => true, noteRefusal: () => {} } };
  const list = new AppsList({ ...parts, log: silentLog, onChange: changed.resolve } as unknown as AppsOptions);
  return { list, asked, changed: changed.promise };
}

t.test('a list that was put off comes by itself', async (t) => {
  // The list's own timer does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const { list, changed } = makeList(
    2,
    () => new PosternError('over-budget', undefined, { extra: { retryAfterMs: 1 } }),
  );
  await list.refreshQuietly();
  t.same(list.all(), []);
  await changed;
  t.same(list.all(), [wiki]);
});

t.test(
  'a controller that is away is not asked over and over: its stream of events tells when it is back',
  async (t) => {
    const { list, asked } = makeList(1, () => new PosternError('unreachable'));
    await list.refreshQuietly();
    t.equal(asked.times, 1);
    t.same(list.all(), []);
  },
);

/** The grant desk with a clock and a controller of the test's own. */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';
import { createAskBudget } from '../../../client-agent/grants/ask-budget.ts';
import { GrantDesk, type GrantOrder } from '../../../client-agent/grants/grant-desk.ts';
import { fakeGrant } from '../../support/fake-edge-controller.ts';

const order = (path: string, app = 'wiki'): GrantOrder => ({
  app,
  act: 'request',
  exact: { method: 'GET', host: 'wiki.test', path, query: '' },
  trace: '0'.repeat(32),
});

type Answer = Partial<Pick<GrantGiven, 'scope'>> & { use?: 'many' | 'once'; error?: PosternError };

function world(answer: (asked: GrantOrder, n: number) => Answer = () => ({})) {
  const clock = { time: 1_000_000, now: () => clock.time };
  const asked: string[] = [];
  const gates: (() => void)[] = [];
  let held = false;
  const desk = new GrantDesk({
    clock,
    log: silentLog,
    budget: { take: () => 0 },
    async ask(one) {
      asked.push(`${one.app}${one.exact?.path}`);
      const n = asked.length;
      if (held) await new Promise<void>((resolve) => gates.push(resolve));
      const { scope = 'app', use, error } = answer(one, n);
      if (error !== undefined) throw error;
      const id = `gr_${String(n).padStart(8, '0')}`;
      return { grant: fakeGrant(id, use), id, expiresInMs: 60_000, scope, gateways: [] };
    },
  });
  return {
    clock,
    asked,
    desk,
    hold: () => {
      held = true;
    },
    /** Lets all asks go on, and those that follow wait for nothing. */
    release: () => {
      held = false;
      for (const go of gates.splice(0)) go();
    },
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

t.test('one grant serves a whole app until it ends', async (t) => {
  const { desk, asked, clock } = world();
  const first = await desk.get(order('/a'));
  t.equal((await desk.get(order('/b'))).id, first.id);
  clock.time += 60_000;
  t.not((await desk.get(order('/b'))).id, first.id, 'not a millisecond longer');
  t.same(asked, ['wiki/a', 'wiki/b']);
});

t.test('renewed at 2/3 of its life, behind the traffic, once, and only while there is traffic', async (t) => {
  const { desk, asked, clock, hold, release } = world();
  const first = await desk.get(order('/a'));
  clock.time += 39_999;
  await desk.get(order('/a'));
  t.equal(asked.length, 1);
  clock.time += 1;
  hold();
  for (let n = 0; n < 5; n += 1) t.equal((await desk.get(order('/a'))).id, first.id, 'nobody waits');
  t.equal(asked.length, 2, 'one renewal at a time');
  release();
  await settled();
  const second = await desk.get(order('/a'));
  t.not(second.id, first.id);
  clock.time += 59_000;
  await settled();
  t.equal(asked.length, 2, 'no traffic, no renewal');
});

t.test('a failed early renewal leaves the grant until its end', async (t) => {
  const { desk, asked, clock } = world((_, n) => (n === 2 ? { error: new PosternError('step-up-required') } : {}));
  const first = await desk.get(order('/a'));
  clock.time += 45_000;
  for (let n = 0; n < 3; n += 1) {
    t.equal((await desk.get(order('/a'))).id, first.id);
    await settled();
  }
  t.equal(asked.length, 2, 'not asked again and again');
  clock.time += 15_000;
  t.not((await desk.get(order('/a'))).id, first.id);
});

t.test('one ask for an app at a time; its answer serves all who wait', async (t) => {
  const { desk, asked, hold, release } = world();
  hold();
  const all = Promise.all(['/a', '/b', '/c'].map((path) => desk.get(order(path))));
  const other = desk.get(order('/a', 'payroll'));
  await settled();
  t.same(asked, ['wiki/a', 'payroll/a']);
  release();
  t.equal(new Set((await all).map(({ id }) => id)).size, 1);
  await other;
});

t.test('an app granted request by request: each request its own, kept, and side by side', async (t) => {
  const { desk, asked, hold, release } = world(() => ({ scope: 'request' }));
  const first = await desk.get(order('/a'));
  t.equal((await desk.get(order('/a'))).id, first.id);
  hold();
  const both = Promise.all([desk.get(order('/b')), desk.get(order('/c')), desk.get(order('/b'))]);
  await settled();
  t.same(asked, ['wiki/a', 'wiki/b', 'wiki/c']);
  release();
  const [b, c, again] = await both;
  t.equal(b.id, again.id);
  t.not(b.id, c.id);
});

t.test('a small number of exact grants is kept, the least used go first', async (t) => {
  const { desk, asked } = world(() => ({ scope: 'request' }));
  for (let n = 0; n < 256; n += 1) await desk.get(order(`/${n}`));
  await desk.get(order('/0'));
  await desk.get(order('/new'));
  const before = asked.length;
  await desk.get(order('/0'));
  t.equal(asked.length, before, 'used of late, kept');
  await desk.get(order('/1'));
  t.equal(asked.length, before + 1, 'the least used is gone');
});

t.test('P18 a grant for one use is used once, by one request', async (t) => {
  const { desk, asked, hold, release } = world(() => ({ scope: 'request', use: 'once' }));
  hold();
  const all = Promise.all([desk.get(order('/a')), desk.get(order('/a')), desk.get(order('/a'))]);
  await settled();
  release();
  const ids = (await all).map(({ id }) => id);
  t.equal(new Set(ids).size, 3);
  await desk.get(order('/a'));
  t.equal(asked.length, 4);
});

t.test('a refusal of one request is not the answer to another; trouble is', async (t) => {
  const refusing = world(({ exact }) => (exact?.path === '/no' ? { error: new PosternError('not-allowed') } : {}));
  refusing.hold();
  const no = refusing.desk.get(order('/no'));
  const same = refusing.desk.get(order('/no'));
  const yes = refusing.desk.get(order('/yes'));
  const outcomes = Promise.allSettled([no, same, yes]);
  await settled();
  refusing.release();
  t.same(
    (await outcomes).map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  );
  t.same(refusing.asked, ['wiki/no', 'wiki/yes']);

  const down = world(() => ({ error: new PosternError('unreachable') }));
  down.hold();
  const both = Promise.allSettled([down.desk.get(order('/a')), down.desk.get(order('/b'))]);
  await settled();
  down.release();
  t.same(
    (await both).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  t.equal(down.asked.length, 1);
});

t.test('waits as long as the controller asks, and not for ever', async (t) => {
  const busy = new PosternError('over-budget', 'busy', { extra: { retryAfterMs: 1 } });
  const soon = world((_, n) => (n < 3 ? { error: busy } : {}));
  t.equal((await soon.desk.get(order('/a'))).id, 'gr_00000003');
  const never = world(() => ({ error: busy }));
  await t.rejects(never.desk.get(order('/a')), { code: 'over-budget' });
  t.equal(never.asked.length, 3);
});

t.test('one who leaves does not take the ask with him', async (t) => {
  const { desk, asked, hold, release } = world();
  hold();
  const leaving = new AbortController();
  const gone = desk.get(order('/a'), leaving.signal);
  const stays = desk.get(order('/b'));
  await settled();
  leaving.abort(new Error('gone'));
  await t.rejects(gone, { message: 'gone' });
  release();
  t.equal((await stays).id, 'gr_00000001');
  t.equal(asked.length, 1);
});

t.test('a running stream gets a grant that outlives its own', async (t) => {
  const { desk, asked, clock } = world();
  const first = await desk.get(order('/a'));
  clock.time += 40_000;
  const second = await desk.next(order('/a'), first);
  t.ok(second.expiresAt > first.expiresAt);
  t.equal((await desk.next(order('/b'), first)).id, second.id, 'one that is there already is taken');
  t.equal(asked.length, 2);
  desk.forget(first.id);
  t.equal((await desk.get(order('/a'))).id, second.id, 'an old refusal does not take the new one away');
  desk.forget(second.id);
  await desk.get(order('/a'));
  t.equal(asked.length, 3);
});

t.test('20 asks at once, then evenly 20 a second', async (t) => {
  let now = 5000;
  const budget = createAskBudget({ now: () => now });
  const burst = Array.from({ length: 20 }, () => budget.take());
  t.ok(
    burst.every((wait) => wait === 0),
    JSON.stringify(burst),
  );
  t.same([budget.take(), budget.take()], [50, 100]);
  now += 10_000;
  t.equal(budget.take(), 0);
  now = 0;
  for (let n = 0; n < 50; n += 1) budget.take();
  t.ok(budget.take() < 60_000, 'a clock set back stops nothing for long');
});

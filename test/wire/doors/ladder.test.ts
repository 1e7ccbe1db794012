/** The ladder's order, its limits, what it remembers and what it tells, on a network and a clock of the test's own. */
import t from 'tap';
import type { PosternError } from '#shared/base/errors.ts';
import { upwardMs } from '#shared/wire/doors/ladder.ts';
import { LegError, legFailuresOf } from '#shared/wire/doors/leg-failure.ts';
import { fakeLadder, proxy, refused, silence } from './fake-ways.ts';

const both = { door: 'both', ports: [62_201, 53], preludePort: 443 } as const;
const [first, second, alone, proxied] = [
  'udp 62201 + prelude',
  'udp 53 + prelude',
  'prelude at 443',
  'prelude at 443 by proxy',
];

t.test('rungs begin in their order, each with its head start, and the first that leads there wins', async (t) => {
  const fake = fakeLadder(both, { [proxied!]: 'works' });
  fake.given.proxy = proxy;
  const connected = fake.connect();
  await fake.time.pass(0);
  t.same(fake.tried, [first]);
  await fake.time.pass(699);
  t.same(fake.tried, [first]);
  await fake.time.pass(1);
  t.same(fake.tried, [first, second]);
  await fake.time.pass(700);
  t.same(fake.tried, [first, second, alone]);
  await fake.time.pass(700);
  t.equal(await connected, proxied);
  t.match(fake.ladder.state, { rung: proxied, above: [first, second, alone], isFailing: false, lookedAt: Number });
  const failures = fake.ladder.state.failures;
  t.match(
    failures.map(({ rung, leg }) => [rung, leg]),
    [
      [first, 'knock'],
      [second, 'knock'],
      [alone, 'connect'],
    ],
    'what was late is told',
  );
  t.match(failures[0]?.detail, /UDP is blocked on the way, knock and connection leave by different addresses/);
});

t.test('a rung that fails lets the next begin at once', async (t) => {
  const noWay = new LegError('network', 'ENETUNREACH', 'no way');
  const fake = fakeLadder(both, { [first!]: noWay, [alone!]: 'works' });
  const failures = [{ rung: first, leg: 'network', how: 'ENETUNREACH' }];
  await t.rejects(fake.connect(), { code: 'NOT_REACHED', failures }, 'nothing that goes out directly can do better');
  fake.given.fates = { [first!]: silence, [second!]: new LegError('knock', 'EPERM', 'held back'), [alone!]: 'works' };
  fake.tried.length = 0;
  t.equal(await fake.connect(), alone);
  t.same(fake.tried, [first, first, second, alone], 'after silence once more, by a counter that leapt');
  t.equal(fake.silences(), 2);
});

t.test('each rung ends in its own time, and all of them are told', async (t) => {
  const fake = fakeLadder(both, {});
  fake.given.proxy = proxy;
  const gone = fake.connect().catch((error: unknown) => error);
  await fake.time.pass(2100 + 6000 - 1);
  t.equal(fake.ladder.state.isFailing, false, 'the proxy still has its time');
  await fake.time.pass(1);
  const failures = legFailuresOf(await gone);
  t.match(
    failures.map(({ rung, leg, how, afterMs }) => [rung, leg, how, afterMs]),
    [
      [first, 'knock', 'timeout', 3000],
      [second, 'knock', 'timeout', 3000],
      [alone, 'connect', 'timeout', 3000],
      [proxied, 'proxy', 'timeout', 6000],
    ],
  );
  t.match(fake.ladder.state, { isFailing: true, failedAt: fake.time.clock.now() });
});

t.test('who has little time tries every rung in it, and is told where each was', async (t) => {
  const fake = fakeLadder(both, {});
  const abort = new AbortController();
  const order = { host: 'x', port: 1, signal: abort.signal, withinMs: 1000 };
  const gone = fake.ladder.connect(order, async (socket) => socket).catch((error: unknown) => error);
  await fake.time.pass(999);
  t.same(fake.tried, [first, second, alone]);
  abort.abort(new Error('time is up'));
  t.match(
    legFailuresOf(await gone).map(({ rung, how }) => [rung, how]),
    [
      [first, 'timeout'],
      [second, 'timeout'],
      [alone, 'timeout'],
    ],
  );
});

t.test('what worked comes first in the same network, and is forgotten in another', async (t) => {
  const fake = fakeLadder(both, { [alone!]: 'works' });
  const slow = fake.connect();
  await fake.time.pass(1400);
  t.equal(await slow, alone);
  fake.tried.length = 0;
  t.equal(await fake.connect(), alone);
  t.same(fake.tried, [alone], 'without a knock by UDP');
  fake.given.network = 'café';
  fake.given.fates = { [first!]: 'works' };
  fake.tried.length = 0;
  t.equal(await fake.connect(), first);
  t.same(fake.tried, [first]);
  fake.given.network = 'home';
  fake.given.fates = { [alone!]: 'works' };
  fake.tried.length = 0;
  t.equal(await fake.connect(), alone);
  t.same(fake.tried, [alone]);
});

t.test('what is remembered and works no more is left for the whole ladder', async (t) => {
  const fake = fakeLadder(both, { [first!]: 'works' });
  t.equal(await fake.connect(), first);
  fake.given.fates = { [alone!]: 'works' };
  fake.tried.length = 0;
  const connected = fake.connect();
  await fake.time.pass(1400);
  t.equal(await connected, alone);
  t.same(fake.tried, [first, second, alone]);
  t.equal(fake.memory.get('home controller')?.rung, alone);
});

t.test('now and then the way up is tried again, and the lower rung is not lost by it', async (t) => {
  const fake = fakeLadder(both, { [alone!]: 'works' });
  const slow = fake.connect();
  await fake.time.pass(1400);
  await slow;
  await fake.time.pass(upwardMs - 1);
  fake.tried.length = 0;
  await fake.connect();
  t.same(fake.tried, [alone], 'not yet');
  await fake.time.pass(1);
  fake.tried.length = 0;
  const upward = fake.connect();
  await fake.time.pass(1400);
  t.equal(await upward, alone);
  t.same(fake.tried, [first, second, alone]);
  fake.tried.length = 0;
  await fake.connect();
  t.same(fake.tried, [alone], 'and then for a while not');
  await fake.time.pass(upwardMs);
  fake.given.fates = { [first!]: 'works', [alone!]: 'works' };
  t.equal(await fake.connect(), first, 'UDP is open again');
  fake.tried.length = 0;
  await fake.connect();
  t.same(fake.tried, [first]);
});

t.test('one looks for the way and the others follow', async (t) => {
  const fake = fakeLadder(both, { [alone!]: 'works' });
  const all = Promise.all([fake.connect(), fake.connect(), fake.connect()]);
  await fake.time.pass(1400);
  t.same(await all, [alone, alone, alone]);
  t.same(fake.tried, [first, second, alone, alone, alone]);
});

t.test('a port that refuses is not knocked at in other ways; a proxy may still lead there', async (t) => {
  const fake = fakeLadder({ door: 'prelude' }, { prelude: refused }, { mayGuess: true });
  await t.rejects(fake.connect(), { code: 'NOT_REACHED' });
  t.same(fake.tried, ['prelude']);
  fake.given.proxy = proxy;
  fake.given.fates = { prelude: refused, 'prelude by proxy': 'works' };
  t.equal(await fake.connect(), 'prelude by proxy');
});

t.test('a server that is another one is named for that, whatever else fails', async (t) => {
  const impostor = new LegError('certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'not ours');
  const fake = fakeLadder({ door: 'none' }, { direct: impostor, 'direct by proxy': silence });
  fake.given.proxy = proxy;
  const error = await fake.connect().then(
    () => undefined,
    (thrown: PosternError) => thrown,
  );
  t.match(error, { code: 'peer-refused', extra: { reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
  t.equal(legFailuresOf(error).length, 2);
});

t.test('where the door may have changed every other way is tried last', async (t) => {
  const fake = fakeLadder({ door: 'none' }, { direct: silence, prelude: 'works' }, { mayGuess: true });
  t.equal(await fake.connect(), 'prelude', 'one was put up');
  const down = fakeLadder({ door: 'both' }, { direct: 'works', prelude: silence }, { mayGuess: true });
  const found = down.connect();
  await down.time.pass(3500);
  t.equal(await found, 'direct', 'it was taken away');
  const mute = fakeLadder({ door: 'both' }, { direct: 'works' }, { canKnock: false, mayGuess: false });
  await t.rejects(mute.connect(), /no way to try/, 'without a key there is nothing to knock with');
});

/** The looks together: in parallel, each with its deadline, and with an end whatever they do. No clock is waited for here. */
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { deadlines, gather, type Way } from '../../../client-agent/diagnosis/diagnose.ts';
import type { GreetingSeen } from '../../../client-agent/diagnosis/evidence.ts';
import type { Probes } from '../../../client-agent/diagnosis/probes.ts';

const never = <T>() => new Promise<T>(() => {});
const own: Way['own'] = () => ({ now: 0, knock: 'held' });
const down = { ok: false, error: new PosternError('unreachable') } as const;

/** Deadlines that pass only when the test says so. */
function handTimers() {
  const started: { ms: number; abort: () => void }[] = [];
  const after = (ms: number) => {
    const control = new AbortController();
    started.push({ ms, abort: () => control.abort() });
    return control.signal;
  };
  const pass = (ms: number) => {
    for (const one of started) if (one.ms === ms) one.abort();
  };
  return { started, after, pass };
}

const hanging: Probes = {
  interfaces: () => ['10.0.0.2'],
  resolve: never,
  wild: never,
  route: never,
  http: never,
  greet: never,
  toldPortal: never,
  clockSynchronised: never,
};

t.test('the deadlines of looks that follow each other end before the whole does, and that within 2 s', (t) => {
  const { name, headStart, look, call, system, whole } = deadlines;
  t.ok(name + headStart + look < whole);
  t.ok(call < whole && system < whole && whole < 2000);
  t.end();
});

t.test('looks that never answer are not waited for beyond the deadline of the whole', async (t) => {
  const { after, pass, started } = handTimers();
  const gathered = gather(
    hanging,
    { addresses: ['a.example:1'], trust: { bundle: [] }, call: never, gateways: () => [never()], own },
    after,
  );
  t.ok(
    started.some(({ ms }) => ms === deadlines.whole),
    'begun with everything else',
  );
  pass(deadlines.whole);
  t.match(await gathered, {
    addresses: [{ address: 'a.example:1', call: { ok: false, error: { code: 'unreachable' } } }],
    around: { interfaces: ['10.0.0.2'], wild: [] },
    gateways: [],
  });
});

t.test('a controller that answers by itself is greeted by no stranger', async (t) => {
  const asked: string[] = [];
  const probes: Probes = {
    ...quick(asked),
    http: async () => void asked.push('http'),
  };
  const call: Way['call'] = async () => ({ ok: true, time: Date.now() + 60_000 });
  const seen: (number | undefined)[] = [];
  const { addresses } = await gather(probes, {
    addresses: ['a.example:1'],
    trust: { bundle: [] },
    call,
    gateways: () => [],
    own: (offset) => {
      seen.push(offset);
      return { now: 0, knock: 'held' };
    },
  });
  t.match(addresses, [{ call: { ok: true } }]);
  t.strictSame(asked, ['resolve a.example', 'route 192.0.2.1 1']);
  t.ok(Math.abs(seen[0]! - 60_000) < 5000, 'the time that came along is told');
});

t.test('a call that fails or takes long is looked at from outside, while it goes on', async (t) => {
  for (const takesLong of [false, true]) {
    const asked: string[] = [];
    const { after, pass } = handTimers();
    const { promise, resolve } = Promise.withResolvers<typeof down>();
    const greeted = Promise.withResolvers<void>();
    const probes: Probes = {
      ...quick(asked),
      greet: async (ip, port): Promise<GreetingSeen> => {
        asked.push(`greet ${ip} ${port}`);
        greeted.resolve();
        return { met: 'refused' };
      },
    };
    const way: Way = {
      addresses: ['a.example:1'],
      trust: { bundle: [] },
      call: () => promise,
      gateways: () => [],
      own,
    };
    const gathered = gather(probes, way, after);
    if (takesLong) {
      await new Promise(setImmediate);
      t.notOk(asked.includes('greet 192.0.2.1 1'), 'not yet');
      pass(deadlines.headStart);
      await greeted.promise;
    }
    resolve(down);
    t.match((await gathered).addresses, [{ greeting: { met: 'refused' }, http: { status: 200 } }]);
    t.ok(asked.includes('http 192.0.2.1 a.example'));
  }
});

t.test('without an address or a way there is nothing to greet', async (t) => {
  const asked: string[] = [];
  const way: Way = {
    addresses: ['a.example:1', '[2001:db8::1]:2'],
    trust: { bundle: [] },
    call: async () => down,
    gateways: () => [],
    own,
  };
  const probes: Probes = {
    ...quick(asked),
    resolve: async (host) => ({ host, addresses: host.includes(':') ? [host] : [], resolvers: [] }),
    route: async () => ({ failed: 'ENETUNREACH' }),
  };
  t.match((await gather(probes, way)).addresses, [
    { name: { addresses: [] }, route: undefined },
    { name: undefined, route: { failed: 'ENETUNREACH' } },
  ]);
  t.strictSame(asked, []);
});

function quick(asked: string[]): Probes {
  return {
    interfaces: () => [],
    resolve: async (host) => {
      asked.push(`resolve ${host}`);
      return { host, addresses: ['192.0.2.1'], resolvers: [] };
    },
    wild: async () => [],
    route: async (ip, port) => {
      asked.push(`route ${ip} ${port}`);
      return { from: '10.0.0.2' };
    },
    http: async (ip, host) => {
      asked.push(`http ${ip} ${host}`);
      return { status: 200 };
    },
    greet: async (ip, port) => {
      asked.push(`greet ${ip} ${port}`);
      return { met: 'nothing' };
    },
    toldPortal: async () => undefined,
    clockSynchronised: async () => undefined,
  };
}

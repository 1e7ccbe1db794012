/** P19: setting the clock of the gateway's machine lengthens no grant, and stops nobody. */
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { StateKeeper } from '../../gateway/state/state-keeper.ts';
import { ControllerTime } from '../../gateway/to-controller/controller-time.ts';
import { followStream } from '../../gateway/to-controller/follow-stream.ts';
import { gatewayId, makeWorld, site, trustDomain } from '../support/gateway-world.ts';

const world = await makeWorld();
const identity = { gateway: gatewayId, site, trustDomain };
const start = 1_800_000_000_000;
const hour = 3_600_000;

/** A machine whose clocks are set by hand, and a controller that tells its time. */
function machine() {
  const state = { wall: start, steady: 5_000, controller: start };
  const clock = { now: () => state.wall };
  const steady = { now: () => state.steady };
  const keeper = new StateKeeper(identity, clock, steady);
  const time = new ControllerTime(clock, steady);
  keeper.apply(world.snapshot([], { time: state.controller }), time.observe(state.controller));
  return {
    state,
    keeper,
    pass(ms: number) {
      state.wall += ms;
      state.steady += ms;
      state.controller += ms;
    },
    hear() {
      keeper.apply({ t: 'heartbeat', n: 10, time: state.controller }, time.observe(state.controller));
    },
  };
}

t.test('P19 a clock set back while the controller is away makes no time', async (t) => {
  const { state, keeper, pass } = machine();
  state.wall -= hour;
  t.equal(keeper.time(), start, 'no step back');
  pass(20_000);
  t.equal(keeper.time(), start + 20_000);
  t.ok(keeper.time() > keeper.snapshot.freshUntil, 'stale when it should be');
});

t.test('P19 a clock set ahead is put right by the next message', async (t) => {
  const { state, keeper, pass, hear } = machine();
  state.wall += hour;
  t.equal(keeper.time(), start + hour, 'until then the later one counts');
  pass(5_000);
  hear();
  t.equal(keeper.time(), start + 5_000);
  t.ok(keeper.time() <= keeper.snapshot.freshUntil, 'fresh');
  pass(5_000);
  t.equal(keeper.time(), start + 10_000);
});

t.test('P19 a machine that slept knows what time it is', async (t) => {
  const { state, keeper } = machine();
  state.wall += hour;
  state.controller += hour;
  t.equal(keeper.time(), start + hour, 'though its steady clock stood still');
});

t.test("P19 a controller's clock that is set back is followed after a new connection", async (t) => {
  const time = new ControllerTime({ now: () => start });
  const applied: number[] = [];
  let connections = 0;
  const fresh = Promise.withResolvers<void>();
  const following = followStream({
    time,
    door: () => ({ door: 'none' }),
    log: silentLog,
    onOpen: () => {},
    link: {
      address: 'controller',
      failOver() {},
      client: {
        async stream() {
          connections += 1;
          const line = (at: number) => Buffer.from(`${JSON.stringify({ t: 'heartbeat', n: 10, time: at })}\n`);
          const first = connections === 1;
          return (async function* () {
            if (first) yield line(start);
            yield line(start - hour);
            await new Promise(() => {});
          })();
        },
      } as never,
    },
    position: () => undefined,
    onCheck: () => {},
    async onMessage(message, { freshUntil }) {
      applied.push(message.time);
      if (freshUntil === start - hour + 15_000) fresh.resolve();
    },
  });
  await fresh.promise;
  t.same(applied, [start, start - hour, start - hour], 'in force before it is asked about');
  t.equal(connections, 2);
  await following.stop();
});

/** A device whose clock is two hours wrong, and a controller and a gateway that hide: it gets there, learns the time, and its apps open. */
import t from 'tap';
import { second } from '#shared/base/clock.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { fakedClock, findFaketime } from '../support/faked-clock.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const library = findFaketime();
const hour = 3_600_000;
t.setTimeout(240 * second);

t.test(
  'P19 P25: two hours behind, and two hours ahead',
  { skip: library === undefined && 'no libfaketime' },
  async (t) => {
    const triangle = await steerTriangle(t, {}, { controller: { door: 'prelude' }, gateway: { door: 'prelude' } });
    const { agents } = triangle;
    const wiki = { port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' };
    t.equal((await askThroughAgent(wiki)).status, 200);
    for (const hours of [-2, 2]) {
      await triangle.end('agent-emil', 'SIGTERM');
      const env = fakedClock(library!, hours);
      Object.assign(process.env, env);
      await triangle.start('agent-emil');
      for (const name of Object.keys(env)) delete process.env[name];
      const state = await untilItWorks(async () => {
        const { state } = await agents.emil.status({});
        if (!state.controller.events || state.clockOffsetMs === undefined) throw new Error('not there yet');
        return state;
      }, 30_000);
      t.ok(Math.abs(state.clockOffsetMs! + hours * hour) < 10_000, `told: ${state.clockOffsetMs} ms`);
      t.ok(
        state.certificate.endsInMs > 22 * hour && state.certificate.endsInMs <= 24 * hour + 1000,
        "by the controller's time",
      );
      await triangle.signIn('emil');
      t.equal((await askThroughAgent(wiki)).status, 200, "through the gateway's door, which takes knocks within 30 s");
      const { lines } = await agents.emil.doctor({});
      t.match(
        lines.find(({ leg }) => leg === 'clock'),
        {
          ok: undefined,
          detail: new RegExp(`^2 h ${hours < 0 ? 'behind' : 'ahead of'} the controller.*goes by the controller's time`),
        },
      );
      t.strictSame(
        lines.filter(({ leg, ok }) => leg !== undefined && ok === false),
        [],
      );
    }
  },
);

/**
 * P28 with real processes behind both doors: a controller whose clock jumps stays shut to strangers and heals; a gateway whose door has
 * moved is found with the first request.
 */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { gatewayIsFresh } from '../../deploy/quickstart/start-triangle.ts';
import { startCapture } from '../support/capture.ts';
import { clockFileOf, fakedClock, findFaketime } from '../support/faked-clock.ts';
import { addresses, makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startAgent, startController, startGateway } from '../support/perimeter-processes.ts';

const library = findFaketime();
const needsClock = { skip: library === undefined && 'not installed: faketime' };
/** Where the door moves to. */
const knockPort = 62_999;

t.test(
  'P28: clocks that jump, and doors that move',
  { ...perimeterNeeds('openssl', 'curl', 'tcpdump'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    const clock = library === undefined ? {} : fakedClock(library, 0);
    const controller = await startController(world, { door: 'both', env: clock });
    const gateway = await startGateway(world, controller, { door: 'both', workers: 2 });
    const agent = await startAgent(world, controller, 'laptop', 'emma');
    const capture = await startCapture(t, world.controller, { filter: `tcp and dst host ${addresses.outside.ipv4}` });
    const isServed = () =>
      untilItWorks(async () => {
        const { status, body } = await agent.curl('/');
        if (status !== 200) throw new Error(`the app answers ${status}: ${body}`);
      }, 40_000);

    await t.test('P28: the clock of the controller jumps', needsClock, async (t) => {
      await isServed();
      // Not by so much ahead that the session would be idle by then, and wait for the person.
      for (const offset of ['+900s', '-7200s', '+0s']) {
        writeFileSync(clockFileOf(clock), `${offset}\n`);
        for (const port of [8442, 8443]) {
          const at = `${addresses.controller.ipv4}:${port}`;
          const { stdout } = await world.outside.run(`timeout 2 openssl s_client -connect ${at} </dev/null 2>&1`);
          t.notMatch(stdout, /CONNECTED/, `${offset} ${port}`);
        }
      }
      await isServed();
    });

    await t.test('a gateway whose door has moved is asked for at once', async (t) => {
      await isServed();
      await gateway.stop();
      await gateway.start({ door: 'both', env: { POSTERN_KNOCK_PORTS: String(knockPort) } });
      await gatewayIsFresh(controller.admin);
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' }, 'with the first request');
      const { ways } = (await agent.control.status()).state;
      t.match(
        ways.filter(({ door }) => door === 'gateway gw-main'),
        [{ rung: `udp ${knockPort} + prelude`, isFailing: false }],
      );
    });

    t.same(
      (await capture.stop()).filter((line) => line !== ''),
      [],
      'not one packet went to who did not knock',
    );
  },
);

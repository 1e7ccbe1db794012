/**
 * P26 P28 with real processes: whoever is revoked or contained, and whose session runs out, is cut off and finds the doors shut, at the
 * kernel's and at the prelude alone.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { signIn } from '../../deploy/quickstart/resume.ts';
import { gatewayIsFresh } from '../../deploy/quickstart/start-triangle.ts';
import { clockFileOf, fakedClock, findFaketime } from '../support/faked-clock.ts';
import { heldKey, knockByHand } from '../support/knock-by-hand.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startAgent, startController, startGateway } from '../support/perimeter-processes.ts';

const library = findFaketime();
const needsClock = { skip: library === undefined && 'not installed: faketime' };

t.test(
  'P26 P28: doors that shut behind whoever has to go',
  { ...perimeterNeeds('openssl', 'curl'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    const clock = library === undefined ? {} : fakedClock(library, 0);
    const controller = await startController(world, { door: 'both', env: clock });
    const gateway = await startGateway(world, controller, { door: 'both', workers: 2 });
    const agent = await startAgent(world, controller, 'laptop', 'emma');
    const { admin } = controller;
    const { device } = (await agent.control.status()).state;
    const isServed = () =>
      untilItWorks(async () => {
        const { status, body } = await agent.curl('/');
        if (status !== 200) throw new Error(`the app answers ${status}: ${body}`);
      }, 40_000);
    /** What a TLS greeting of the neighbour, behind the same address, gets at the gateway's port. */
    const greet = async (): Promise<string> => {
      const { stdout } = await world.neighbour.run(
        `timeout 2 openssl s_client -connect ${addresses.gateway.ipv4}:8444 </dev/null 2>&1`,
      );
      if (/BEGIN CERTIFICATE|read [1-9]\d* bytes/.test(stdout)) return 'answer';
      return stdout.includes('CONNECTED') ? 'silence' : 'nothing';
    };
    const isLetIn = async () => {
      const set = await mustRun(world.gateway, 'nft list set inet postern_gateway_8444 let_in_ipv4');
      return set.includes(addresses.nat.ipv4);
    };
    /** Whether the laptop hears the controller. */
    const hears = (isAble: boolean) =>
      mustRun(world.nat, 'nft -f -', {
        input: `table inet deaf {}
delete table inet deaf
${isAble ? '' : `table inet deaf { chain out { type filter hook forward priority 0; ip daddr ${addresses.controller.ipv4} drop; }; }`}`,
      });
    /**
     * While a stream runs `act` is done, and the agent hears nothing of it: the stream is cut, and what the device still holds to knock
     * with opens nothing, where it opened a connection before.
     */
    const goes = async (t: Test, door: 'both' | 'prelude', act: (session: string) => Promise<unknown>) => {
      await isServed();
      const { items } = await admin.sessions();
      const { id } = items.find((session) => session.device === device.id)!;
      const key = await heldKey(controller.dir, { session: id, device: device.id });
      const isKernel = door === 'both';
      const place = { host: addresses.gateway.ipv4, tcp: 8444, ...(isKernel ? { udp: 62_202 } : {}) };
      t.equal(await knockByHand(world.laptop, key, place), 'answer');
      const stream = world.laptop.start('exec curl -sN -m 100 http://wiki.localhost:7070/events');
      const ended = once(stream, 'close');
      await once(stream.stdout!, 'data');
      stream.stdout!.resume();
      await hears(false);
      await act(id);
      const [code] = (await ended) as [number];
      t.not(code, 28, 'what was live is cut, and does not run to its own end');
      if (isKernel)
        await untilItWorks(async () => {
          if (await isLetIn()) throw new Error('its address is still let in');
        }, 10_000);
      t.equal(await greet(), isKernel ? 'nothing' : 'silence');
      t.equal(
        await knockByHand(world.laptop, key, place),
        isKernel ? 'nothing' : 'silence',
        'by the key that was good',
      );
      t.not((await agent.curl('/')).status, 200);
      if (isKernel) t.notOk(await isLetIn());
      await hears(true);
    };
    const signsIn = () => untilItWorks(() => signIn(agent.control, agent.user), 40_000);

    await t.test('P26: revoked', async (t) => {
      await goes(t, 'both', (id) => admin.revoke({ body: { kind: 'session', id } }));
      await signsIn();
    });

    await t.test('P17 P26: contained', async (t) => {
      const body = { kind: 'device', id: device.id, because: 'a test' } as const;
      await goes(t, 'both', () => admin.contain({ body }));
      await admin.lift({ body });
      await signsIn();
    });

    await t.test('P26: the session has run out, at the prelude alone', needsClock, async (t) => {
      await gateway.stop();
      await gateway.start({ door: 'prelude' });
      await gatewayIsFresh(admin);
      await goes(t, 'prelude', async () => writeFileSync(clockFileOf(clock), '+43500s\n'));
    });
  },
);

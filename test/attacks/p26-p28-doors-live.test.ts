/** P26 to P28 with real processes behind both doors: who leaves, who shares an address, who floods, who flushes, kills and sets clocks. */
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { doorControl } from '#shared/contracts/door-control.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { startCapture } from '../support/capture.ts';
import { clockFileOf, fakedClock, findFaketime } from '../support/faked-clock.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, type Perimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { type RunningProcess, startAgent, startController, startGateway } from '../support/perimeter-processes.ts';

const doorOf = ({ dir }: Pick<RunningProcess, 'dir'>) =>
  callContract(doorControl, { dispatcher: makeUnixDispatcher(join(dir, 'door.sock')), origin: 'http://localhost' });

/** What a TLS greeting gets: nothing at all, a connection without a byte, or an answer. */
async function greet(world: Perimeter, from: 'outside' | 'neighbour', port = 8444): Promise<string> {
  const at = `${addresses.gateway.ipv4}:${port}`;
  const { stdout } = await world[from].run(`timeout 3 openssl s_client -connect ${at} </dev/null 2>&1`);
  if (/BEGIN CERTIFICATE|read [1-9]\d* bytes/.test(stdout)) return 'answer';
  return stdout.includes('CONNECTED') ? 'silence' : 'nothing';
}

const events = (world: Perimeter) => {
  const stream = world.laptop.start('exec curl -sN -m 100 http://wiki.localhost:7070/events');
  return { begun: once(stream.stdout!, 'data'), ended: once(stream, 'close') };
};

t.test(
  'P26 P28: both doors, live',
  { ...perimeterNeeds('openssl', 'curl', 'tcpdump'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    const controller = await startController(world, { door: 'both' });
    const library = findFaketime();
    const clock = library === undefined ? {} : fakedClock(library, 0);
    const gateway = await startGateway(world, controller, { door: 'both', workers: 2, env: clock });
    const agent = await startAgent(world, controller, 'laptop', 'emma');
    const isServed = () =>
      untilItWorks(async () => {
        const { status } = await agent.curl('/');
        if (status !== 200) throw new Error(`the app answers ${status}`);
      }, 30_000);
    await isServed();
    const capture = await startCapture(t, world.gateway, { filter: `tcp and dst host ${addresses.outside.ipv4}` });

    await t.test('P28: a neighbour behind the same address is let in by the kernel, and meets silence', async (t) => {
      const stream = events(world);
      await stream.begun;
      // The agent needs a new connection, and knocks for it.
      await isServed();
      const admitted = await mustRun(world.gateway, 'nft list set inet postern_gateway_8444 let_in_ipv4');
      if (admitted.includes(addresses.nat.ipv4)) t.equal(await greet(world, 'neighbour'), 'silence');
      t.not(await greet(world, 'neighbour'), 'answer');
      t.equal(await greet(world, 'outside'), 'nothing');
    });

    await t.test('P27: noise of others keeps nobody out', async (t) => {
      const noise = `const s = require('dgram').createSocket('udp4'); let n = 0;
const next = () => (n += 1) > 5000 ? process.exit() : s.send(Buffer.alloc(268, n), 62202, '${addresses.gateway.ipv4}', next); next();`;
      const flood = world.outside.run(`${process.execPath} -e "${noise}"`);
      // From the same address as the good: what it lets in is a connection that says nothing.
      const silent = `for (let n = 0; n < 200; n += 1) require('net').connect(8444, '${addresses.gateway.ipv4}').on('error', () => {}); setTimeout(process.exit, 4000)`;
      const quiet = world.neighbour.run(`${process.execPath} -e "${silent}"`);
      const other = events(world);
      await other.begun;
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' });
      await Promise.all([flood, quiet]);
      const { knocks } = await doorOf(gateway).state();
      t.ok((knocks['unknown-key'] ?? 0) < 2500, `limited in the kernel: ${knocks['unknown-key']} of 5000`);
    });

    await t.test('P28: flushed by somebody else', async (t) => {
      const before = (await doorOf(gateway).state()).repairs;
      await mustRun(world.gateway, 'nft flush ruleset');
      t.not(await greet(world, 'outside'), 'answer');
      await untilItWorks(async () => {
        if ((await doorOf(gateway).state()).repairs === before) throw new Error('it is not put back');
      });
      t.equal(await greet(world, 'outside'), 'nothing');
      await isServed();
    });

    await t.test('P28: its clock is set', { skip: library === undefined && 'not installed: faketime' }, async (t) => {
      const { writeFileSync } = await import('node:fs');
      for (const offset of ['+7200s', '-7200s', '+0s']) {
        writeFileSync(clockFileOf(clock), `${offset}\n`);
        t.equal(await greet(world, 'outside'), 'nothing', offset);
      }
      await isServed();
    });

    await t.test('P28: killed', async (t) => {
      await gateway.stop('KILL');
      t.equal(await greet(world, 'outside'), 'nothing');
      await gateway.start();
      t.equal(await greet(world, 'outside'), 'nothing');
      await isServed();
    });

    await t.test('P26: signed out, the live is cut and the door shuts behind it', async (t) => {
      const stream = events(world);
      await stream.begun;
      await isServed();
      await agent.control.signOut();
      await stream.ended;
      await untilItWorks(async () => {
        const admitted = await mustRun(world.gateway, 'nft list set inet postern_gateway_8444 let_in_ipv4');
        if (admitted.includes(addresses.nat.ipv4)) throw new Error('its address is still let in');
      }, 5000);
      t.equal(await greet(world, 'neighbour'), 'nothing', 'not even its address is let in');
      t.not((await agent.curl('/')).status, 200);
    });

    for (const line of await capture.stop())
      if (!/length 0/.test(line)) t.fail(`a byte was sent to a stranger: ${line}`);
  },
);

t.test('P28: one host carries both', { ...perimeterNeeds(), timeout: 240_000 }, async (t) => {
  const world = await makePerimeter(t);
  const controller = await startController(world, { door: 'both' });
  const gateway = await startGateway(world, controller, {
    door: 'both',
    on: 'controller',
    env: { POSTERN_METRICS_PORT: '9465' },
  });
  const tables = async () => (await mustRun(world.controller, 'nft list tables')).trim().split('\n').sort();
  const ours = ['table inet postern_controller_8443', 'table inet postern_gateway_8444'];
  t.same(await tables(), ours);
  t.match(await doorOf(controller).state(), { door: 'both', ports: [62_201] });
  t.match(await doorOf(gateway).state(), { door: 'both', ports: [62_202] });
  await controller.stop();
  t.same(await tables(), ours, 'the end of one leaves the other, and itself shut');
  await controller.start();
  await gateway.stop();
  await gateway.start();
  t.same(await tables(), ours);
  await doorOf(gateway).remove();
  t.same(await tables(), ours.slice(0, 1), 'and taking one away leaves the other');
});

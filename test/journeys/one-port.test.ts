/**
 * P25 to P28: a controller and a gateway on one host, at one address, TCP port 443 and one UDP port for knocks. An employee whose network
 * lets nothing out but an HTTP proxy, which lets 443 through alone, is invited, enrols, signs in and opens an app; strangers read nothing.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { startCapture } from '../support/capture.ts';
import { carrier, startProxy } from '../support/carrier.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { type RunningAgent, startAgent, startController, startGateway } from '../support/perimeter-processes.ts';
import { reachTheApp } from '../support/reach-the-app.ts';
import { payloadOf } from '../support/scan-from-outside.ts';
import { root } from '../support/source-tree.ts';

const knockPort = 62_201;

const waysOf = async ({ control }: RunningAgent) => {
  const { state } = await control.status();
  return Object.fromEntries(state.ways.map((way) => [way.door, way.rung]));
};

t.test(
  'P28: controller and gateway at one address and port 443',
  { ...perimeterNeeds('tcpdump', 'curl', 'tinyproxy', 'nmap'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    await reachTheApp(world);
    const shared = join(world.controller.dir, 'shared');
    mkdirSync(shared, { mode: 0o700 });
    const env = {
      POSTERN_LISTEN_PRELUDE: '443',
      POSTERN_SHARE_DIR: shared,
      POSTERN_KNOCK_PORTS: String(knockPort),
    };
    const controller = await startController(world, { door: 'both', env });
    const gateway = await startGateway(world, controller, { door: 'both', on: 'controller', workers: 2, env });
    const isServed = async (agent: RunningAgent, patienceMs = 30_000) =>
      untilItWorks(async () => {
        const { status, body } = await agent.curl('/');
        if (status !== 200 || body !== 'wiki') throw new Error(`${status} ${body}`);
      }, patienceMs);
    const hearsController = (agent: RunningAgent) => untilItWorks(() => agent.control.apps(), 30_000);
    const seen = await startCapture(t, world.controller, {
      filter: `dst host ${addresses.outside.ipv4} and (tcp or udp or icmp)`,
    });

    await carrier(world, 'drop');
    const proxy = await startProxy(world);
    const agent = await startAgent(world, controller, 'laptop', 'emma', { env: { HTTPS_PROXY: proxy } });

    await t.test('through a proxy that lets 443 through alone', async (t) => {
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' });
      t.same(await waysOf(agent), {
        controller: 'prelude at 443 by proxy',
        'gateway gw-main': 'prelude at 443 by proxy',
      });
      const { lines } = await agent.control.doctor();
      t.same(
        lines
          .filter(({ ok, leg }) => leg !== undefined && ok === false)
          .map(({ name, detail }) => `${name}: ${detail}`),
        [],
        'the doctor finds nothing in the way',
      );
      const { records } = await controller.admin.exportRecords({ query: { person: 'emma' } });
      const from = records.flatMap(({ record }) => (record.from === undefined ? [] : [record.from]));
      t.same([...new Set(from)], [addresses.nat.ipv4], 'records of both name where it came from, and not the gateway');
    });

    await t.test('a controller that is killed', async (t) => {
      await controller.stop('KILL');
      t.match(await agent.curl('/'), { status: 200 }, 'the gateway goes on without it');
      await controller.start();
      await hearsController(agent);
      await isServed(agent);
      t.same((await waysOf(agent))['controller'], 'prelude at 443 by proxy');
    });

    await t.test('a gateway that is killed', async (t) => {
      await gateway.stop('KILL');
      await hearsController(agent);
      t.pass('the controller stands in at the port');
      await gateway.start();
      await isServed(agent);
      await hearsController(agent);
      t.match(gateway.said(), /ports are shared with the controller of this host/);
    });

    await t.test('both stop and start in the other order', async (t) => {
      await gateway.stop();
      await controller.stop();
      const started = gateway.start();
      await controller.start();
      await started;
      await isServed(agent);
      await hearsController(agent);
      t.pass('the agent is back');
    });
    await agent.stop();

    await t.test('knocks at one UDP port', async (t) => {
      await carrier(world, 'accept');
      const other = await startAgent(world, controller, 'neighbour', 'noah');
      t.match(await other.curl('/'), { status: 200, body: 'wiki' });
      t.same(await waysOf(other), {
        controller: `udp ${knockPort} + prelude`,
        'gateway gw-main': `udp ${knockPort} + prelude`,
      });
      const sockets = await mustRun(world.controller, `ss -Hlun 'sport = :${knockPort}'`);
      t.equal(sockets.trim().split('\n').length, 2, 'one of each family');
      await other.stop();
    });

    await t.test('strangers', async (t) => {
      const stranger = join(root, 'test/support/stranger-child.ts');
      const { ipv4 } = addresses.controller;
      t.equal((await mustRun(world.outside, `${process.execPath} ${stranger} '${ipv4} 443'`)).trim(), '0');
      await mustRun(world.outside, `nmap -n -Pn -sS -sU -p T:443,8442-8444,U:${knockPort} --max-retries 0 ${ipv4}`);
      const lines = await seen.stop();
      t.ok(lines.some((line) => line.includes('.443 > ')));
      t.same(
        lines.filter((line) => !line.includes('.443 > ') || payloadOf(line) > 0),
        [],
        'port 443 shows and says no byte, and nothing else shows',
      );
    });
  },
);

/** P25 to P28: a controller and a gateway on one host at one TCP port that a kernel door keeps, and one UDP port for knocks: nothing shows. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { startCapture } from '../support/capture.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { type RunningAgent, startAgent, startController, startGateway } from '../support/perimeter-processes.ts';
import { reachTheApp } from '../support/reach-the-app.ts';
import { root } from '../support/source-tree.ts';

const { ipv4 } = addresses.controller;
/** The host's own firewall: nobody comes in but at these two. */
const onlyTwoPorts = `table inet host { chain in { type filter hook input priority 0; iif "net" tcp dport != 443 ct state new drop; iif "net" udp dport != 62201 ct state new drop; }; }`;

t.test(
  'P28: one TCP port behind a kernel door',
  { ...perimeterNeeds('tcpdump', 'curl', 'nmap'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    await reachTheApp(world);
    const server = world.controller;
    await mustRun(server, 'nft -f -', { input: onlyTwoPorts });
    const shared = join(server.dir, 'shared');
    mkdirSync(shared, { mode: 0o700 });
    const env = {
      POSTERN_LISTEN_PRELUDE: '443',
      POSTERN_KNOCK_PORTS: '62201',
      POSTERN_SHARE_DIR: shared,
      POSTERN_SHARE_KERNEL_DOOR: 'true',
    };
    const told = { POSTERN_ADDRESSES_MUTUAL: `${ipv4}:443`, POSTERN_ADDRESSES_BOOTSTRAP: `${ipv4}:443` };
    const controller = await startController(world, { door: 'both', env: { ...env, ...told } });
    const gateway = await startGateway(world, controller, { door: 'both', on: 'controller', port: 443, env });
    const seen = await startCapture(t, server, {
      filter: `dst host ${addresses.outside.ipv4} and (tcp or udp or icmp)`,
    });
    const scan = `nmap -n -Pn -sS -sU -p T:443,8442-8444,U:62201 --max-retries 0 ${ipv4}`;
    const tables = async () => (await mustRun(server, 'nft list tables')).match(/postern_\w+/g)?.sort();
    const ours = ['postern_controller_8443', 'postern_gateway_8444', 'postern_shared_443'];
    const isServed = (agent: RunningAgent) =>
      untilItWorks(async () => {
        await agent.control.apps();
        const { status, body } = await agent.curl('/');
        if (status !== 200) throw new Error(`${status} ${body}`);
      }, 40_000);

    t.same(await tables(), ours);
    t.match(
      await mustRun(server, `env POSTERN_DIR=${gateway.dir} ${join(root, 'bin/postern-gateway')} door status`),
      /postern_gateway_8444, postern_shared_443/,
    );
    await mustRun(world.outside, scan);
    const agent = await startAgent(world, controller, 'laptop', 'emma');
    await isServed(agent);
    const { state } = await agent.control.status();
    t.same(
      Object.fromEntries(state.ways.map(({ door, rung }) => [door, rung])),
      { controller: 'udp 62201 + prelude', 'gateway gw-main': 'udp 62201 + prelude' },
      'one knock port, one TCP port, for both',
    );
    await mustRun(world.outside, scan);
    const stranger = join(root, 'test/support/stranger-child.ts');
    t.equal(
      (await mustRun(world.neighbour, `${process.execPath} ${stranger} '${ipv4} 443'`)).trim(),
      '0',
      'who shares an address with somebody that knocked reads nothing',
    );

    await controller.stop('KILL');
    await controller.start();
    await isServed(agent);
    await gateway.stop('KILL');
    await untilItWorks(() => agent.control.apps(), 40_000);
    await gateway.start();
    await isServed(agent);
    t.same(await tables(), ours, 'each has put back its own, and both the one that they share');
    await mustRun(server, 'nft delete table inet postern_shared_443');
    await untilItWorks(async () => t.same(await tables(), ours));
    await isServed(agent);
    t.same(await seen.stop(), [], 'not one packet went to who did not knock');
    await agent.stop();

    await gateway.stop();
    await t.rejects(gateway.start({ door: 'both', env: { ...env, POSTERN_SHARE_KERNEL_DOOR: 'false' } }), {
      message: /share\.kernelDoor is not the same/,
    });
  },
);

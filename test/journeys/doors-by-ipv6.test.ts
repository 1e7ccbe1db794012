/**
 * P25 to P28 by IPv6: invited, enrolled, signed in and at an app over a network that has no IPv4, through both doors and by the prelude alone;
 * and where a name has addresses of both families, and packets to one of them are lost, the other one leads there.
 */
import t, { type Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { startCapture } from '../support/capture.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startAgent, startController, startGateway } from '../support/perimeter-processes.ts';

const openPort = { POSTERN_LISTEN_PRELUDE: '443' };
const names = { controller: 'controller.test', gateway: 'gateway.test' } as const;

t.test(
  'P25 P26 P28: the doors by IPv6',
  { ...perimeterNeeds('tcpdump', 'openssl', 'curl'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    const hosts = (['controller', 'gateway'] as const)
      .flatMap((host) => [addresses[host].ipv6, addresses[host].ipv4].map((address) => `${address} ${names[host]}`))
      .join('\n');
    for (const host of [world.gateway, world.outside]) await mustRun(host, 'cat >>/etc/hosts', { input: `${hosts}\n` });
    await mustRun(world.outside, `ip address del ${addresses.other.ipv6}/48 dev net`);
    // What leaves the person's machine is lost, or not.
    const lost = (rule: string) =>
      mustRun(world.outside, 'nft -f -', {
        input: `table inet way {}
delete table inet way
table inet way { chain out { type filter hook output priority 0; ${rule} }; }`,
      });
    const controller = await startController(world, { door: 'both', env: openPort, name: names.controller });
    await startGateway(world, controller, { door: 'both', env: openPort, name: names.gateway, workers: 2 });
    const seen = await startCapture(t, world.controller, {
      filter: `(dst host ${addresses.nat.ipv6} or dst host ${addresses.nat.ipv4}) and not icmp6`,
    });
    const letIn = async (family: 'ipv4' | 'ipv6') =>
      (await mustRun(world.gateway, `nft list set inet postern_gateway_8444 let_in_${family}`)).includes(
        addresses.outside[family],
      );
    // Everybody on this network has no address but of IPv6.
    const four = [world.controller, world.gateway, world.outside, world.nat] as const;
    const without4 = await Promise.all(four.map((host) => mustRun(host, 'ip -4 -br address show dev net')));
    for (const host of four) await mustRun(host, 'ip -4 address flush dev net');

    const agent = await startAgent(world, controller, 'outside', 'emma');
    const isServed = () =>
      untilItWorks(async () => {
        const { status, body } = await agent.curl('/');
        if (status !== 200) throw new Error(`the app answers ${status}: ${body}`);
      }, 40_000);
    const waysAre = async (t: Test, rungs: readonly [controller: string, gateway: string]) => {
      const { ways } = (await agent.control.status()).state;
      const shown = Object.fromEntries(ways.map(({ door, rung, isFailing }) => [door, isFailing ? 'fails' : rung]));
      t.match(shown, { controller: rungs[0], 'gateway gw-main': rungs[1] });
    };

    await t.test('both doors, without IPv4', async (t) => {
      await isServed();
      await waysAre(t, ['udp 62201 + prelude', 'udp 62202 + prelude']);
      t.ok(await letIn('ipv6'));
      t.notOk(await letIn('ipv4'));
      for (const at of [`[${addresses.controller.ipv6}]:8443`, `[${addresses.gateway.ipv6}]:8444`]) {
        const { stdout } = await world.nat.run(`timeout 2 openssl s_client -connect ${at} </dev/null 2>&1`);
        t.notMatch(stdout, /CONNECTED/, at);
      }
    });

    await t.test('the prelude alone, without IPv4 and without UDP', async (t) => {
      await agent.stop();
      await lost('meta l4proto udp drop;');
      await agent.start();
      await isServed();
      await waysAre(t, ['prelude at 443', 'prelude at 443']);
    });

    await t.test('both families, and what goes by one of them is lost', async (t) => {
      for (const [at, host] of four.entries()) {
        const address = without4[at]!.trim().split(/\s+/)[2]!;
        await mustRun(host, `ip address add ${address} dev net`);
      }
      for (const [family, rule] of [
        ['ipv4', `ip6 daddr 2001:db8::/48 meta l4proto { tcp, udp } drop;`],
        ['ipv6', `ip daddr 203.0.113.0/24 meta l4proto { tcp, udp } drop;`],
      ] as const) {
        await agent.stop();
        await lost(rule);
        await agent.start();
        await isServed();
        await waysAre(t, ['udp 62201 + prelude', 'udp 62202 + prelude']);
        t.ok(await letIn(family), `by ${family}`);
      }
    });

    t.same(
      (await seen.stop()).filter((line) => line !== ''),
      [],
      'not one packet went to who did not knock',
    );
  },
);

/**
 * P25 to P28: an employee is invited, enrols, signs in and opens an app while controller and gateway hide behind both doors: over a
 * network that lets everything through, over one without UDP, over one with nothing but an HTTP proxy, and behind a carrier whose
 * knocks and connections leave by different addresses. Who has not knocked reads nothing all the while.
 */
import { once } from 'node:events';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { startCapture } from '../support/capture.ts';
import { carrier, startProxy } from '../support/carrier.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, type Perimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { type RunningAgent, startAgent, startController, startGateway } from '../support/perimeter-processes.ts';

const openPort = { POSTERN_LISTEN_PRELUDE: '443' };
const login = 'employee:geheim';
/** Of the carrier: by it knocks leave, and by its usual one connections. */
const otherOfCarrier = '203.0.113.98';

const everything = 'accept';
const noUdp = 'meta l4proto udp drop';
const nothing = 'drop';

const waysOf = async ({ control }: RunningAgent) => {
  const { state } = await control.status();
  return Object.fromEntries(state.ways.map((way) => [way.door, way]));
};

/** Bytes that strangers read at each port, TCP and UDP, by whatever they send. */
async function strangersRead({ outside }: Perimeter, ports: readonly (readonly [string, number])[]): Promise<string> {
  const asks = ports.map(
    ([to, port]) => `for word in "GET / HTTP/1.0" SSH-2.0-x; do
  timeout 3 bash -c 'exec 3<>/dev/tcp/${to}/${port} && echo "$0" >&3 && echo >&3 && cat <&3' "$word" 2>/dev/null &
done
timeout 3 openssl s_client -connect ${to}:${port} </dev/null 2>/dev/null | grep -a CERTIFICATE &`,
  );
  return mustRun(outside, `${asks.join('\n')}\nwait`);
}

/** The laptop gets another address while a stream runs: what curl ends with (18: cut off; 28: it heard nothing until its time was up). */
async function acrossNetworks({ laptop }: Perimeter): Promise<number | null> {
  const stream = laptop.start('exec curl -sS -N -m 10 http://wiki.localhost:7070/events');
  const closed = once(stream, 'close');
  await once(stream.stdout!, 'data');
  stream.stdout!.resume();
  await mustRun(
    laptop,
    'ip address del 100.64.0.2/24 dev cgn && ip address add 100.64.0.4/24 dev cgn && ip route replace default via 100.64.0.1',
  );
  const [code] = (await closed) as [number | null];
  return code;
}

t.test(
  'P28: the employee comes in by whatever way there is, and strangers read nothing',
  { ...perimeterNeeds('tcpdump', 'openssl', 'curl', 'tinyproxy'), timeout: 240_000 },
  async (t) => {
    const world = await makePerimeter(t);
    const controller = await startController(world, { door: 'both', env: openPort });
    const gateway = await startGateway(world, controller, { door: 'both', env: openPort });
    const toStrangers = `dst host ${addresses.outside.ipv4}`;
    const seen = await startCapture(t, world.controller, { filter: `ip and ${toStrangers} and not port 443` });
    const hidden = [
      [addresses.controller.ipv4, 8442],
      [addresses.controller.ipv4, 8443],
      [addresses.gateway.ipv4, 8444],
    ] as const;

    // A knock of one lets all behind the carrier's address come to the prelude door for a while: those without UDP come first.
    await t.test('without UDP', async (t) => {
      await carrier(world, noUdp);
      const agent = await startAgent(world, controller, 'neighbour', 'noah');
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' });
      const ways = await waysOf(agent);
      t.match(ways, {
        controller: { rung: 'prelude at 443', isFailing: false },
        'gateway gw-main': { rung: 'prelude at 443', isFailing: false },
      });
      const [failure] = ways['controller']?.failures ?? [];
      t.match(failure, { rung: 'udp 62201 + prelude', leg: 'knock', detail: /UDP is blocked on the way/ });
      const { lines } = await agent.control.doctor();
      const blocked =
        /^UDP is blocked on the way.*: udp 6220[12] \+ prelude opened no port at the .* prelude at 443 works$/;
      t.match(
        lines.filter(({ leg }) => leg === 'udp'),
        [
          { ok: undefined, detail: blocked },
          { ok: undefined, detail: blocked },
        ],
        'the doctor says so of controller and gateway, and that another way works',
      );
      t.equal(await strangersRead(world, [...hidden, [addresses.controller.ipv4, 443]]), '');
      await agent.stop();
    });

    await t.test('knocks and connections by different addresses', async (t) => {
      await carrier(world, everything);
      await mustRun(world.nat, `ip address add ${otherOfCarrier}/24 dev net`);
      await mustRun(world.nat, 'nft -f -', {
        input: `table ip two { chain out { type nat hook postrouting priority 90; oifname "net" meta l4proto udp snat to ${otherOfCarrier}; }; }`,
      });
      const agent = await startAgent(world, controller, 'neighbour', 'nina', { state: 'two-addresses' });
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' });
      const { controller: way } = await waysOf(agent);
      t.match(way, { rung: 'prelude at 443', failures: [{ leg: 'knock', detail: /leave by different addresses/ }] });
      await agent.stop();
      await controller.stop();
      await controller.start({ door: 'kernel' });
      await agent.start();
      const failing = await untilItWorks(async () => {
        const { controller: now } = await waysOf(agent);
        if (now?.isFailing !== true) throw new Error(`still ${JSON.stringify(now)}`);
        return now;
      });
      t.match(
        failing.failures.find(({ leg }) => leg === 'knock'),
        { detail: /UDP is blocked on the way, knock and connection leave by different addresses \(carrier NAT\)/ },
        'a kernel door alone cannot tell them for one, and is named for it',
      );
      await agent.stop();
      await controller.stop();
      await controller.start({ door: 'both', env: openPort });
      await mustRun(world.nat, 'nft delete table ip two');
    });

    await t.test('everything is let through', async (t) => {
      const agent = await startAgent(world, controller, 'laptop', 'emma');
      // The gateway has yet to find the controller that was started again.
      const first = await untilItWorks(async () => {
        const answer = await agent.curl('/');
        if (answer.status !== 200) throw new Error(answer.body);
        return answer;
      });
      t.equal(first.body, 'wiki');
      t.match(await waysOf(agent), {
        controller: { rung: 'udp 62201 + prelude', isFailing: false },
        'gateway gw-main': { rung: 'udp 62202 + prelude', isFailing: false },
      });
      t.equal(await strangersRead(world, hidden), '');
      t.equal(await acrossNetworks(world), 18, 'a stream that can hear nothing more is ended, and not waited for');
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' }, 'in the other network');
      await agent.stop();
    });

    await t.test('with an HTTP proxy alone', async (t) => {
      await carrier(world, nothing);
      const proxy = await startProxy(world, login);
      const env = { HTTPS_PROXY: proxy };
      const agent = await startAgent(world, controller, 'neighbour', 'zoe', { env, state: 'behind-proxy' });
      t.match(await agent.curl('/'), { status: 200, body: 'wiki' });
      t.match(await waysOf(agent), {
        controller: { rung: 'prelude at 443 by proxy' },
        'gateway gw-main': { rung: 'prelude at 443 by proxy' },
      });
      t.notMatch(agent.said(), /geheim/, 'the password is not logged');
      await agent.stop();
      await agent.start({ env: { HTTPS_PROXY: proxy.replace('geheim', 'falsch') } });
      const failing = await untilItWorks(async () => {
        const { controller: way } = await waysOf(agent);
        if (way?.isFailing !== true) throw new Error(`still ${JSON.stringify(way)}`);
        return way;
      });
      t.match(
        failing.failures.filter(({ leg }) => leg === 'proxy'),
        [{ how: 'status-401', detail: /wants another user and password/ }],
      );
      await agent.stop();
    });

    t.same(
      (await seen.stop()).filter((line) => line !== ''),
      [],
      'not one packet went to who did not knock',
    );
    await gateway.stop();
  },
);

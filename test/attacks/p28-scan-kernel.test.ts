/**
 * P28: the whole of gateway and controller scanned from outside, with kernel doors; what came back is judged by the packets that left
 * the scanned hosts, not by what the scanner believes.
 */
import t from 'tap';
import { controllerDoor, doorTimes } from '#shared/contracts/knock.ts';
import { encodeKnock } from '#shared/crypto/encode-knock.ts';
import { doorSecret, openKnockKey } from '#shared/crypto/knock-keys.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { mustRun } from '../support/namespace-host.ts';
import { addresses, makePerimeter, type Perimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startController, startGateway } from '../support/perimeter-processes.ts';
import { closeHost, received, scan, targets, throwAll, watch, whatever } from '../support/scan-from-outside.ts';

const options = { ...perimeterNeeds('nmap', 'tcpdump', 'openssl'), timeout: 240_000 };

t.test('P28: not one packet', options, async (t) => {
  const world = await makePerimeter(t);
  const controller = await startController(world, { door: 'kernel' });
  // It joins and comes to its controller through the door, by knocks of its own.
  const gateway = await startGateway(world, controller, { door: 'kernel' });
  const restart = async () => {
    await Promise.all([gateway.stop(), controller.stop()]);
    await controller.start({ door: 'both' });
    await gateway.start({ door: 'both' });
  };

  for (const door of ['kernel', 'both'] as const) {
    await t.test(door, async (t) => {
      // One of the two by both families: the rules are the same, and the time of tests is not for nothing.
      const families = door === 'both' ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const);
      if (door === 'both') await restart();
      for (const name of targets) await closeHost(world, name);
      const captures = await watch(world, whatever);
      const before = await Promise.all(targets.map((name) => received(world, name)));
      const [thrown] = await Promise.all([
        throwAll(world),
        ...families.map((family) => mustRun(world.outside, scan(family))),
      ]);
      const after = await Promise.all(targets.map((name) => received(world, name)));
      for (const [index, name] of targets.entries()) {
        const asked = after[index]! - before[index]!;
        t.ok(asked >= families.length * 2 * 65_535, `${name}: each port was asked, by TCP and UDP: ${asked} packets`);
      }
      t.same(thrown, ['0', '0']);
      // That somebody was there all the time: a good knock is let in, and the capture sees it.
      const silent = captures.controller.lines.length;
      t.equal(await greeting(world), door === 'kernel' ? 'certificate' : 'silence', 'TCP comes about after a knock');
      const lines = await captures.controller.stop();
      t.same(lines.slice(0, silent), [], 'controller');
      t.ok(
        lines.slice(silent).some((line) => line.includes('Flags [S.]')),
        'and it answers then',
      );
      t.same(await captures.gateway.stop(), [], 'gateway');
    });
  }

  /** Knocks by UDP with the owner's invitation, and greets the bootstrap server. */
  async function greeting({ outside }: Perimeter): Promise<string> {
    const { i, s } = decodeInvitation(controller.invitation).n!;
    const key = openKnockKey(doorSecret(Buffer.from(s, 'base64url'), controllerDoor));
    const order = { client: `invitation/${i}`, time: Date.now(), counter: Date.now(), kind: 'bootstrap' } as const;
    const knock = encodeKnock(key, doorTimes.controller, order).toString('base64');
    const to = addresses.controller.ipv4;
    const send = `require('dgram').createSocket('udp4').send(Buffer.from('${knock}','base64'),62201,'${to}',()=>process.exit())`;
    await mustRun(outside, `${process.execPath} -e "${send}"`);
    const { stdout } = await outside.run(`openssl s_client -connect ${to}:8442 </dev/null 2>&1`);
    return /BEGIN CERTIFICATE/.test(stdout) ? 'certificate' : /CONNECTED/.test(stdout) ? 'silence' : stdout;
  }
});

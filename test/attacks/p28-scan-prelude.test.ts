/** P28: the whole of gateway and controller scanned from outside, with prelude doors; judged by the packets that left the scanned hosts. */
import t from 'tap';
import { mustRun } from '../support/namespace-host.ts';
import { makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startController, startGateway } from '../support/perimeter-processes.ts';
import { noRefusals, payloadOf, scan, targets, throwAll, watch } from '../support/scan-from-outside.ts';

t.test(
  'P28: prelude: packets of TCP, and no byte of payload whatever is thrown',
  perimeterNeeds('nmap', 'tcpdump'),
  async (t) => {
    const world = await makePerimeter(t);
    const controller = await startController(world, { door: 'prelude' });
    await startGateway(world, controller, { door: 'prelude' });
    const captures = await watch(world, noRefusals);
    await mustRun(world.outside, scan('ipv4'));
    t.same(await throwAll(world), ['0', '0']);
    for (const name of targets) {
      const lines = await captures[name].stop();
      const answers = lines.filter((line) => /Flags/.test(line));
      t.ok(
        answers.some((line) => line.includes('Flags [S.]')),
        `${name}: the ports themselves show`,
      );
      for (const port of [1, 65_535])
        t.ok(
          answers.some((line) => line.includes(`.${port} > `)),
          `${name}: the scan came to port ${port}`,
        );
      t.same(
        answers.filter((line) => payloadOf(line) > 0),
        [],
        `${name}: without payload`,
      );
      t.same(
        lines.filter((line) => / UDP,/.test(line)),
        [],
        `${name}: no datagram`,
      );
    }
  },
);

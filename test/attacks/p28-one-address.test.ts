/** P28: two hosts behind one address of a carrier: what one of them knocked for, the other does not get. */
import t from 'tap';
import { addresses, makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startAgent, startController, startGateway } from '../support/perimeter-processes.ts';

/** Bytes that come back for a TLS greeting. */
const greet = (address: string, port: number) =>
  `openssl s_client -connect ${address}:${port} </dev/null 2>/dev/null | grep -c "BEGIN CERTIFICATE"`;

t.test('P28: with prelude doors a neighbour reads nothing', perimeterNeeds('openssl', 'curl'), async (t) => {
  const world = await makePerimeter(t);
  const controller = await startController(world, { door: 'prelude' });
  await startGateway(world, controller, { door: 'prelude' });
  const agent = await startAgent(world, controller, 'laptop', 'emma');
  t.match(await agent.curl('/'), { status: 200, body: 'wiki' });
  for (const [name, port] of [
    ['gateway', 8444],
    ['controller', 8443],
    ['controller', 8442],
  ] as const) {
    const { stdout } = await world.neighbour.run(greet(addresses[name].ipv4, port));
    t.equal(stdout.trim(), '0', `${name} ${port}`);
  }
});

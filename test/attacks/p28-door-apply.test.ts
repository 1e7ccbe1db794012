/** P28: a kernel door that is put up while a gateway serves undoes itself, unless somebody has come in through it. */
import { join } from 'node:path';
import t from 'tap';
import { doorControl } from '#shared/contracts/door-control.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { mustRun } from '../support/namespace-host.ts';
import { makePerimeter, perimeterNeeds } from '../support/perimeter-hosts.ts';
import { startAgent, startController, startGateway } from '../support/perimeter-processes.ts';
import { root } from '../support/source-tree.ts';

const table = 'postern_gateway_8444';

t.test('P28: door apply, confirm and --uninstall', { ...perimeterNeeds('curl'), timeout: 240_000 }, async (t) => {
  const world = await makePerimeter(t);
  const controller = await startController(world, { door: 'prelude' });
  const gateway = await startGateway(world, controller, { door: 'prelude', workers: 2 });
  const agent = await startAgent(world, controller, 'laptop', 'emma');
  t.match(await agent.curl('/'), { status: 200 });
  const env = { POSTERN_LISTEN_HOST: '::', POSTERN_NODE: process.execPath };
  const command = (line: string) =>
    world.gateway.run(`${root}/bin/postern-gateway ${line} --dir ${gateway.dir}`, { env });
  // What the commands call; each of them is a start of Node more.
  const socket = () => makeUnixDispatcher(join(gateway.dir, 'door.sock'));
  const door = () => callContract(doorControl, { dispatcher: socket(), origin: 'http://localhost' });
  const isThere = async () => (await mustRun(world.gateway, 'nft list tables')).includes(table);

  await t.rejects(door().confirm(), /no kernel door is on trial/i);
  t.match(await command('door apply --confirm-within 3s'), { code: 0, stdout: /door: both[\s\S]*on trial/ });
  // The process that began it is gone, and nobody confirms.
  await untilItWorks(async () => {
    if (await isThere()) throw new Error('it is still there');
  });
  t.match(await door().state(), { door: 'prelude', cameIn: 0 });

  // Killed in the middle of a trial: the kernel itself forgets it.
  await door().apply({ body: { withinMs: 4000 } });
  await t.rejects(door().confirm(), /nobody has come in through the door yet/i);
  await gateway.stop('KILL');
  await untilItWorks(async () => {
    const guarded = await mustRun(world.gateway, `nft list set inet ${table} guarded`);
    if (guarded.includes('elements')) throw new Error('it is still shut');
  });
  await gateway.start();
  t.notOk(await isThere(), 'a start that wants no kernel door takes the rest away');

  const streams = () => gateway.said().split('the stream is open').length;
  const before = streams();
  await door().apply({ body: { withinMs: 300_000 } });
  await untilItWorks(async () => {
    if (streams() === before) throw new Error('the controller is not told yet');
  });
  // Agents are told of a gateway's door with each grant: this one has none from before.
  const other = await startAgent(world, controller, 'neighbour', 'nina');
  t.match(await other.curl('/'), { status: 200 });
  const confirmed = await door().confirm();
  t.match(confirmed, { door: 'both', table, ports: [62_202] });
  t.equal(confirmed.trialMs, undefined);
  t.ok(confirmed.knocks['good']! > 0);
  t.match(await other.curl('/'), { status: 200 });
  t.equal((await door().state()).repairs, 0, 'the confirmation is not taken for an attack on the door');
  await gateway.stop();
  t.ok(await isThere(), 'an orderly stop leaves the port shut');
  t.match(await command('--uninstall'), { code: 0, stdout: /no table inet postern_gateway_8444/ });
  t.notOk(await isThere());
  const lacking = 'setpriv --bounding-set=-net_admin --inh-caps=-net_admin --';
  await t.rejects(gateway.start({ door: 'kernel', before: lacking }), /CAP_NET_ADMIN.*door: prelude/);
});

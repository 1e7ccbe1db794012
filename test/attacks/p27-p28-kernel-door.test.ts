/** P27, P28: with the kernel door a host sends nothing at all to who has not knocked, whatever becomes of the process or the table. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { bootstrapPort, makeDoorWorld, mutualPort, sources } from '../support/kernel-door-world.ts';
import { namespacesNeed } from '../support/namespace-host.ts';
import { descendantsOf } from '../support/process-tree.ts';

const options = namespacesNeed('nft', 'tcpdump');
const patient = { waitMs: 20_000 };
type World = Awaited<ReturnType<typeof makeDoorWorld>>;
type Served = Awaited<ReturnType<World['serve']>>;

async function stateOf({ child }: Served): Promise<{ counts: Record<string, number>; repairs: number }> {
  child.send('state');
  const [state] = await once(child, 'message');
  return state;
}

const isAccepted = (line: string) => line.includes('Flags [S.]');

/** Within half a minute. */
async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await what()); tries += 1) {
    if (tries === 600) throw new Error(`never: ${what}`);
    await wait(50);
  }
}

t.test('P28: no packet before a knock; after it that source connects, and no other', options, async (t) => {
  for (const [mine, other] of [sources.ipv4, sources.ipv6]) {
    const world = await makeDoorWorld(t);
    const served = await world.serve();
    t.match(served.said, { ready: true });
    const [{ knock }] = world.knockers;
    const bad = knock();
    bad[100]! ^= 1;
    t.equal(await world.connect(mine), 'nothing');
    t.equal(await world.connect(mine, { port: bootstrapPort }), 'nothing', 'protected, and nobody listens');
    await world.send(mine, Buffer.of(1), bad, Buffer.alloc(1400), Buffer.alloc(0));
    t.equal(await world.connect(mine), 'nothing', 'after bad knocks');
    await until(async () => (await stateOf(served)).counts['bad-mac'] === 1);
    const good = knock();
    await world.send(mine, good);
    t.equal(await world.connect(mine, patient), 'hello');
    t.equal(await world.connect(other), 'nothing', 'another source');
    await world.send(other, good);
    t.equal(await world.connect(other), 'nothing', 'with the knock of the first');
    t.equal(await world.connect(mine, { port: bootstrapPort }), 'nothing', 'a port that the knock was not for');
    t.match((await stateOf(served)).counts, { good: 1, replayed: 1, 'bad-mac': 1 });
    // The capture lags: what comes later on purpose shows that it has all that came before.
    await world.send(mine, knock());
    t.equal(await world.connect(mine, patient), 'hello');
    await until(() => world.captured.filter(isAccepted).length === 2);
    t.ok(isAccepted(world.captured[0]!), 'the first packet of all is the answer to who knocked');
    t.same(
      world.captured.filter((line) => !line.includes(`> ${mine}.`)),
      [],
      'nothing was sent to the other',
    );
  }
});

t.test('P28: the door closes behind a source, and what runs goes on', options, async (t) => {
  const world = await makeDoorWorld(t);
  await world.serve();
  const [source] = sources.ipv4;
  await world.send(source, world.knockers[0].knock());
  t.equal(await world.connect(source, patient), 'hello');
  await until(() => !world.ruleset().includes(`${source} . ${mutualPort}`));
  t.equal(await world.connect(source), 'nothing');
  t.equal(await world.echo(), 'still here');
  await world.send(source, world.knockers[0].knock());
  t.equal(await world.connect(source, patient), 'hello', 'and opens again');
});

t.test('P27: who floods is limited in the kernel, and nobody else is', options, async (t) => {
  const world = await makeDoorWorld(t);
  const served = await world.serve();
  const [mine, other] = sources.ipv4;
  await world.send(other, ...Array.from({ length: 2000 }, () => Buffer.alloc(268)));
  await world.send(mine, world.knockers[0].knock());
  t.equal(await world.connect(mine, patient), 'hello');
  const { counts } = await stateOf(served);
  t.ok(counts['unknown-key']! > 0 && counts['unknown-key']! < 1000, `${counts['unknown-key']} of 2000 reached us`);
});

t.test('P28: the table is flushed, taken or changed by somebody else', options, async (t) => {
  const world = await makeDoorWorld(t);
  const served = await world.serve();
  const table = `inet postern_gateway_${mutualPort}`;
  const whole = world.ruleset();
  let repairs = 0;
  for (const attack of [
    'flush ruleset',
    `delete table ${table}`,
    `flush chain ${table} door`,
    `insert rule ${table} door accept`,
    `add element ${table} let_in_ipv4 { 10.77.0.3 . ${mutualPort} }; flush chain ${table} arriving`,
  ]) {
    world.nft(attack);
    repairs += 1;
    await until(async () => (await stateOf(served)).repairs >= repairs);
    t.equal(world.ruleset(), whole, attack);
    t.equal(await world.connect(sources.ipv4[1]), 'nothing');
  }
  const nft = descendantsOf(served.child.pid!).filter((pid) => commandOf(pid).startsWith('nft -i'));
  t.equal(nft.length, 1);
  process.kill(nft[0]!, 'SIGKILL');
  await world.send(sources.ipv4[0], world.knockers[0].knock());
  t.equal(await world.connect(sources.ipv4[0], patient), 'hello', 'nft was killed, and is there again');

  served.child.send('stop door');
  await once(served.child, 'message');
  world.nft(`delete table ${table}`);
  t.equal(await world.connect(sources.ipv4[1]), 'ended', 'while there is no table, not a byte from the server itself');
  t.equal(await world.connect(sources.ipv4[0]), 'hello');
});

t.test('P28: killed, the ports stay shut; taken away, all else is as it was', options, async (t) => {
  const world = await makeDoorWorld(t);
  world.nft(`table inet filter { set s { type ipv4_addr; elements = { 10.1.1.1 } }
    chain input { type filter hook input priority 0; policy accept; tcp dport 23 reject; }; }
    table ip nat { chain out { type nat hook postrouting priority 100; oifname "door" counter masquerade; }; }`);
  const before = world.ruleset();
  const served = await world.serve();
  const tree = descendantsOf(served.child.pid!);
  t.ok(tree.length >= 2);
  served.child.kill('SIGKILL');
  await once(served.child, 'exit');
  t.equal(await world.connect(sources.ipv4[0]), 'nothing');
  await world.send(sources.ipv4[0], world.knockers[0].knock());
  t.equal(await world.connect(sources.ipv4[0]), 'nothing', 'nobody is there to be knocked at');
  await world.send(sources.ipv6[0], world.knockers[0].knock());
  t.equal(await world.connect(sources.ipv6[0]), 'nothing');
  await until(() => tree.every((pid) => commandOf(pid) === ''));
  const again = await world.serve();
  t.match(again.said, { ready: true }, 'a new process takes the table over');
  await world.send(sources.ipv4[0], world.knockers[0].knock());
  t.equal(await world.connect(sources.ipv4[0], patient), 'hello');
  await until(() => world.captured.length > 0);
  t.ok(isAccepted(world.captured[0]!), 'no packet came before, and no ICMP error for a knock');
  again.child.kill('SIGKILL');
  await once(again.child, 'exit');
  for (const _ of ['there', 'gone already']) {
    t.match((await world.serve('remove')).said, { ready: true });
    t.equal(world.ruleset(), before);
  }
  t.equal(await world.connect(sources.ipv4[0]), 'ECONNREFUSED');
});

t.test('P28: without the privilege, or without nft, it refuses to start and says what to do', options, async (t) => {
  const world = await makeDoorWorld(t);
  const refused = async (verb: 'serve' | 'remove', ...before: string[]) =>
    (await world.serve(verb, before)).said.refused;
  const lacking = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'];
  for (const verb of ['serve', 'remove'] as const) {
    t.match(await refused(verb, ...lacking), /CAP_NET_ADMIN.*door: prelude/);
    const hidden = 'for place in /usr/sbin /usr/local/sbin; do mount -t tmpfs tmpfs $place; done; exec "$@"';
    t.match(
      await refused(verb, 'unshare', '-m', 'sh', '-c', hidden, 'sh'),
      /program nft \(package nftables\).*door: prelude/,
    );
  }
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

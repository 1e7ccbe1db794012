/** From a knock to an open door, in two network namespaces: alone, and while bad knocks pour in. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { knockPort, mutualPort } from '../support/kernel-door-world.ts';
import type { KnockOrder } from './knock-client-child.ts';
import { floodPerSecond, makeWorld, startClient, startFlood, timeKnock, told, type World } from './knock-rig.ts';
import type { Bench, Result } from './measure.ts';

const rounds = Number(process.env['BENCH_KNOCK_ROUNDS'] ?? 200);
const preludePort = 8445;
const table = `inet postern_gateway_${mutualPort}`;
/** Of a range that routes to outside; so many that none is beyond what the kernel lets one source send. */
const floodSources = 4000;

interface Kind {
  readonly what: string;
  readonly sources: number;
  readonly datagrams: (world: World) => Buffer[];
}

const noise = () => Array.from({ length: 64 }, () => randomBytes(268));
/** As somebody sends who has seen a knock: its key id is known, so that the door has to compute an HMAC. */
const altered = (world: World) =>
  Array.from({ length: 64 }, (_, at) => {
    const knock = world.knockers[1].knock();
    knock[100 + at]! ^= 1;
    return knock;
  });
const floods: readonly Kind[] = [
  { what: 'noise from one source', sources: 1, datagrams: noise },
  { what: `noise from ${floodSources} sources`, sources: floodSources, datagrams: noise },
  { what: `altered knocks from ${floodSources} sources`, sources: floodSources, datagrams: altered },
];

export const knocks: Bench = {
  name: 'knocks',
  about: `from a knock to the open door, alone and under ${floodPerSecond} bad knocks a second; needs root`,
  needs: ['nft', 'ip', 'tcpdump'],
  async run(run) {
    const world = await makeWorld(run);
    const served = await world.serve('serve', [], preludePort);
    if (served.said.ready === undefined) throw new Error(served.said.refused);
    const client = await startClient(world);
    const results: Result[] = [];
    const measure = async (what: string) => {
      for (const how of ['open', 'dial', 'prelude'] as const) {
        const measured = told(await measureKnocks(world, client, how));
        run.tell(`${hows[how]}, ${what}: ${measured}`);
        results.push({ what: `${hows[how]}, ${what}`, measured });
      }
    };
    await measure('nothing else');
    for (const { what, sources, datagrams } of floods) {
      const before = await countsOf(served.child);
      const running = await startFlood(world, { sources, datagrams: datagrams(world), udp: knockPort });
      await measure(what);
      const sent = await running.stop();
      const after = await countsOf(served.child);
      const judged =
        (after['unknown-key'] ?? 0) + (after['bad-mac'] ?? 0) - (before['unknown-key'] ?? 0) - (before['bad-mac'] ?? 0);
      results.push({
        what: `bad knocks a second: ${what}`,
        measured: `${(sent.sent / sent.seconds).toFixed(0)} sent, ${(judged / sent.seconds).toFixed(0)} judged`,
        beside: 'the rest was dropped by the kernel',
      });
    }
    return results;
  },
};

const hows = {
  open: 'UDP knock until a connection passes the kernel door',
  dial: 'as an agent dials: knock, connection',
  prelude: 'connection with a prelude until the first byte from behind the door',
} as const;

async function measureKnocks(world: World, client: ChildProcess, how: KnockOrder['how']): Promise<number[]> {
  const took: number[] = [];
  for (let round = -10; round < rounds; round += 1) {
    world.nft(`flush set ${table} let_in_ipv4`);
    const made = Array.from({ length: how === 'dial' ? 4 : 1 }, () => world.knockers[0].knock());
    const bytes = how === 'prelude' ? made.map(asPrelude) : made;
    const port = how === 'prelude' ? preludePort : mutualPort;
    const knocks = bytes.map((each) => each.toString('base64'));
    const ms = await timeKnock(client, { how, knocks, port, udp: knockPort });
    // The first ones warm up.
    if (round >= 0) took.push(ms);
    // The kernel takes twenty knocks a second of one source.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return took;
}

async function countsOf(child: ChildProcess): Promise<Record<string, number>> {
  child.send('state');
  const [{ counts }] = (await once(child, 'message')) as [{ counts: Record<string, number> }];
  return counts;
}

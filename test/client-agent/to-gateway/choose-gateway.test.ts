/** Which of several gateways a device uses: spread over devices, the same each time, and another one when it fails. */
import t from 'tap';
import type { Keystore } from '../../../client-agent/keystore/keystore.ts';
import { GatewayLinks, placeOf } from '../../../client-agent/to-gateway/gateway-links.ts';

const gateways = ['a', 'b', 'c'].map((name) => ({ id: `gw-${name}`, site: 'main', address: `${name}.example:8444` }));
const none: ReadonlySet<string> = new Set();

function linksOf(device: string, clock = { now: () => 0 }): GatewayLinks {
  return new GatewayLinks({ keystore: { enrolment: { device } } as Keystore, clock });
}

t.test('devices spread over the gateways, and each keeps its own', async (t) => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 300; i += 1) {
    const links = linksOf(`dev_${i}`);
    const chosen = links.choose(gateways, none)!;
    counts.set(chosen.id, (counts.get(chosen.id) ?? 0) + 1);
    t.equal(links.choose(gateways.toReversed(), none), chosen, 'in whatever order the controller names them');
    const others = gateways.filter((one) => one !== chosen);
    t.equal(linksOf(`dev_${i}`).choose([chosen, others[0]!], none), chosen, 'and when another one goes');
  }
  for (const { id } of gateways) t.ok(counts.get(id)! > 60, `${id} has ${counts.get(id)} of 300`);
});

t.test('one that fails is passed over for a while', async (t) => {
  let now = 1000;
  const links = linksOf('dev_1', { now: () => now });
  const first = links.choose(gateways, none)!;
  const second = links.choose(gateways, new Set([placeOf(first)]))!;
  t.not(second, first);
  links.failed(first.id);
  t.equal(links.choose(gateways, none), second);
  now += 10_000;
  t.equal(links.choose(gateways, none), first, 'and then tried again');
  links.failed(first.id);
  links.worked(first);
  t.equal(links.choose(gateways, none), first);
  t.equal(links.choose([first], new Set([placeOf(first)])), undefined);
});

t.test('whether a gateway has moved is asked at once, and then ever more seldom', (t) => {
  const time = { now: 0 };
  const links = linksOf('dev_a', { now: () => time.now });
  const [gateway, other] = gateways as [(typeof gateways)[0], (typeof gateways)[0]];
  const askedAt: number[] = [];
  for (; time.now < 200_000; time.now += 1000) if (links.mayHaveMoved(gateway)) askedAt.push(time.now);
  t.same(askedAt, [0, 5000, 15_000, 35_000, 75_000, 115_000, 155_000, 195_000]);
  t.ok(links.mayHaveMoved(other), 'of each by itself');
  t.ok(links.mayHaveMoved({ ...gateway, address: 'a.example:9444' }), 'in its new place it is another one');
  links.worked(gateway);
  t.ok(links.mayHaveMoved(gateway), 'reached in between');
  t.end();
});

/** P26: whose knocks gateways take: those of signed-in devices, each gateway by keys of its own, for as long as the session lives. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import type { KnockKey } from '#shared/contracts/gateway-to-controller.ts';
import { gatewayDoor } from '#shared/contracts/knock.ts';
import { doorSecret } from '#shared/crypto/knock-keys.ts';
import { enrolAgent, type FakeGateway, joinGateway } from '../controller/support/fake-peers.ts';
import { runController } from '../controller/support/run-controller.ts';

const app = {
  id: 'wiki',
  name: 'Wiki',
  kind: 'http' as const,
  site: 'main',
  hosts: ['wiki.test'],
  upstream: 'http://127.0.0.1:1',
};

const keysOf = ({ changes }: FakeGateway): KnockKey[] =>
  changes.flatMap((change) => (change.kind === 'knock-key' ? [change.key] : []));
const goneOf = ({ changes }: FakeGateway): string[] =>
  changes.flatMap((change) => (change.kind === 'knock-gone' ? change.ids : []));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5);
}

async function begin(t: Test) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  await admin.putPerson({ params: { id: 'emma' }, body: { name: 'Emma' } });
  const policies = [{ id: 'all', text: 'permit(principal, action, resource);' }];
  await admin.apply({ body: { bundle: { apps: [app], policies }, dryRun: false } });
  return { controller, admin };
}

const ask = (agent: Awaited<ReturnType<typeof enrolAgent>>) =>
  agent.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });

t.test(
  'P26: a gateway hears of a device while it is signed in, and gets a key that is good at no other door',
  async (t) => {
    const { controller } = await begin(t);
    const one = await joinGateway(t, controller, 'gw-one', 'main', 'prelude');
    const two = await joinGateway(t, controller, 'gw-two', 'main', 'prelude');
    t.same(keysOf(one), [], 'before a sign-in nothing');
    const agent = await enrolAgent(t, controller, 'emma');
    await until(() => keysOf(one).length > 0 && keysOf(two).length > 0);
    const [key] = keysOf(one);
    t.match(key, { id: agent.session!.id, client: `device/${agent.device}` });
    t.not(key!.secret, keysOf(two)[0]!.secret);

    const given = await ask(agent);
    const secret = fromBase64url(given.knock!.secret)!;
    t.equal(toBase64url(doorSecret(secret, gatewayDoor('gw-one'))), key!.secret, 'what the agent makes of its own');
    t.equal(toBase64url(doorSecret(secret, gatewayDoor('gw-two'))), keysOf(two)[0]!.secret);

    const late = await joinGateway(t, controller, 'gw-late', 'main', 'prelude');
    t.match(
      late.snapshot?.knockKeys,
      [{ id: key!.id, client: key!.client }],
      'whoever comes later has it in the snapshot',
    );
    t.not(late.snapshot?.knockKeys[0]?.secret, key!.secret);
    await agent.call.signOut();
    await until(() => goneOf(one).length > 0);
    t.same(goneOf(one), [agent.session!.id], 'gone at sign-out');
  },
);

t.test('P33: no knock secret stands in the files of the controller', async (t) => {
  const { controller } = await begin(t);
  const gateway = await joinGateway(t, controller, 'gw-main', 'main', 'prelude');
  const agent = await enrolAgent(t, controller, 'emma');
  const given = await ask(agent);
  const knock = given.knock!;
  const secrets = [knock.secret, keysOf(gateway)[0]!.secret];
  const files = readdirSync(controller.dir).filter((name) => name.includes('.db') || name.includes('sqlite'));
  t.ok(files.length > 0);
  for (const name of files) {
    const bytes = readFileSync(join(controller.dir, name));
    for (const secret of secrets) {
      t.notOk(bytes.includes(secret), `${name}: as text`);
      t.notOk(bytes.includes(fromBase64url(secret)!), `${name}: as bytes`);
    }
  }
});

t.test("P26: only gateways that confirmed this session's key are named; those without a door as ever", async (t) => {
  const { controller } = await begin(t);
  const hidden = await joinGateway(t, controller, 'gw-hidden', 'main', 'prelude');
  const deaf = await joinGateway(t, controller, 'gw-deaf', 'main', 'prelude');
  await joinGateway(t, controller, 'gw-plain', 'main');
  deaf.confirms = false;
  const agent = await enrolAgent(t, controller, 'emma');
  await until(() => keysOf(hidden).length > 0);
  let given = await ask(agent);
  for (; given.gateways.length < 2; given = await ask(agent)) await pause(20);
  t.match(given.gateways, [{ id: 'gw-hidden', door: 'prelude' }, { id: 'gw-plain' }]);
  t.notOk('door' in given.gateways[1]!);
  t.ok(given.knock, 'with what to knock with');
});

t.test('P17, P26: none after a suspension', async (t) => {
  const { controller, admin } = await begin(t);
  const gateway = await joinGateway(t, controller, 'gw-main', 'main', 'prelude');
  const agent = await enrolAgent(t, controller, 'emma');
  await until(() => keysOf(gateway).length === 1);
  await admin.contain({ body: { kind: 'device', id: agent.device, because: 'stolen' } });
  await until(() => goneOf(gateway).length === 1);
  t.same(goneOf(gateway), [agent.session!.id], 'contained');
  t.same((await joinGateway(t, controller, 'gw-second', 'main', 'prelude')).snapshot?.knockKeys, []);
});

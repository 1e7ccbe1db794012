/**
 * A laptop behind a captive portal, with the real triangle on the other side: the portal answers for everyone (DNS, HTTP, TLS), is named in each place,
 * and left by itself when it lets go.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { second } from '#shared/base/clock.ts';
import { mustRun, namespacesNeed } from '../support/namespace-host.ts';
import {
  addUser,
  controllerName,
  loginAt,
  makeOneHostWorld,
  node,
  routerAddress,
  serverAddress,
  wikiText,
} from '../support/one-host-world.ts';
import { root } from '../support/source-tree.ts';

t.setTimeout(240 * second);

t.test('named, and left', namespacesNeed('curl'), async (t) => {
  const { router, laptop, invitation, invite } = await makeOneHostWorld(t, 'captive');
  const second_ = await invite('emil');
  const names = JSON.stringify({ [controllerName]: serverAddress });
  const portal = router.start(`${node} ${join(root, 'test/support/captive-portal.ts')} ${routerAddress} '${names}'`);
  portal.stderr!.on('data', (chunk: Buffer) => t.comment(chunk.toString()));
  const said = createInterface({ input: portal.stdout! })[Symbol.asyncIterator]();
  t.equal((await said.next()).value, 'ready');
  /** Packets to the server go to the router itself, or on. */
  const become = async (what: 'captive' | 'open') => {
    portal.stdin!.write(`${what}\n`);
    t.equal((await said.next()).value, what);
    await mustRun(router, `ip route ${what === 'captive' ? 'add' : 'del'} local ${serverAddress} dev lo`);
  };
  t.teardown(async () => {
    portal.stdin!.end();
    if (portal.exitCode === null) await once(portal, 'exit');
  });

  await addUser(laptop, 'ada');
  await mustRun(laptop, '~/postern/deploy/install agent', { user: 'ada' });
  const as = (line: string, user = 'ada', input = '') => laptop.run(line, { user, input });
  await mustRun(laptop, 'postern enrol && systemctl --user enable --now postern-agent', {
    user: 'ada',
    input: invitation,
  });
  await loginAt(laptop, 'postern login', 'ada');
  const wiki = () => as('curl -sS http://wiki.localhost:7070/');
  t.match(await wiki(), { stdout: wikiText, stderr: '' });
  t.strictSame(failing((await as('postern doctor --json')).stdout), []);

  await become('captive');
  const began = performance.now();
  const doctor = await as('postern doctor --json');
  t.comment(
    `postern doctor names the portal ${Math.round(performance.now() - began)} ms after it closed (with the start of the command)`,
  );
  t.equal(doctor.code, 1);
  const { trouble } = JSON.parse(doctor.stdout) as { trouble?: { leg: string; says: string; fix: string } };
  t.equal(trouble?.leg, 'captive-portal');
  t.match(trouble?.says, /leads to portal\.wifi; .*shows a certificate of "controller wifi"/);
  t.match(trouble?.fix, /http:\/\/portal\.wifi\//);
  t.match(
    (await as('postern doctor')).stdout,
    /captive portal\s+FAILS[\s\S]*The first leg that fails: captive-portal\. A captive portal/,
  );
  t.match((await as('postern login --again')).stderr, /captive portal answers instead of the controller/i);
  await addUser(laptop, 'emil');
  await mustRun(laptop, '~/postern/deploy/install agent', { user: 'emil' });
  const enrol = await as('postern enrol', 'emil', second_);
  t.equal(enrol.code, 1);
  t.match(enrol.stderr, /captive portal answers instead of the controller/i);
  t.match((await untilSaid(() => as('postern status'), /captive-portal/)).stdout, /A captive portal answers/);
  t.match((await as('postern why')).stdout, /Nothing new opens now\. A captive portal/);
  t.match((await wiki()).stdout, /captive portal/i, 'what asks for the app reads it too');

  await become('open');
  const released = performance.now();
  const back = await untilSaid(() => as('postern status --json'), /"reachable":true/);
  t.comment(
    `the agent is back ${Math.round(performance.now() - released)} ms after the release (with the start of the command that asks)`,
  );
  t.notMatch(back.stdout, /"trouble"/);
  t.equal((await wiki()).stdout, wikiText, 'the app opens again');
  t.strictSame(failing((await as('postern doctor --json')).stdout), []);
  t.match(await as('postern enrol', 'emil', second_), { code: 0 }, 'the invitation was not spent on the portal');
});

interface Line {
  readonly leg?: string;
  readonly ok?: boolean;
}
/** Posture aside, which is what it is on this machine. */
const failing = (text: string): readonly Line[] =>
  (JSON.parse(text) as { lines: Line[] }).lines.filter(({ ok, leg }) => ok === false && leg !== undefined);

/** Asked again until it says so, for 20 s. */
async function untilSaid<R extends { readonly stdout: string }>(ask: () => Promise<R>, what: RegExp): Promise<R> {
  const end = performance.now() + 20 * second;
  for (;;) {
    const ran = await ask();
    if (what.test(ran.stdout)) return ran;
    if (performance.now() > end) throw new Error(`${what} was not said: ${ran.stdout}`);
  }
}

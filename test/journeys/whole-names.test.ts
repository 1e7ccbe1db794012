/**
 * Names from one end to the other: controller, gateway and app on a server, a laptop with systemd-resolved, the agent by its system unit with ports 80
 * and 443, and a real browser at `https://wiki.<zone>/` without a warning. The split, its privacy, and what is left after kill -9.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { second } from '#shared/base/clock.ts';
import { needsChromium } from '../support/chromium.ts';
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
import { startResolved } from '../support/resolved-in-host.ts';
import { root } from '../support/source-tree.ts';

const zone = 'sdp.example.com';
const needed = namespacesNeed('systemd-resolved', 'resolvectl', 'dbus-daemon', 'dig', 'certutil', 'setpriv');
t.setTimeout(240 * second);

t.test('the wiki at its real name', { ...needed, skip: needed.skip || needsChromium().skip }, async (t) => {
  const { router, laptop, invitation } = await makeOneHostWorld(t, 'names', `wiki.${zone}`);
  const names = JSON.stringify({ [controllerName]: serverAddress, 'www.example.org': '198.51.100.7' });
  const dns = router.start(`${node} ${join(root, 'test/support/captive-portal.ts')} ${routerAddress} '${names}'`);
  const said = createInterface({ input: dns.stdout! })[Symbol.asyncIterator]();
  t.teardown(() => dns.stdin!.end());
  t.equal((await said.next()).value, 'ready');
  /** Names that have left the laptop since the last time. */
  const asked = async () => {
    dns.stdin!.write('asked\n');
    return JSON.parse(String((await said.next()).value)) as string[];
  };
  await startResolved(laptop, routerAddress);
  await addUser(laptop, 'ada');
  await mustRun(
    laptop,
    `mkdir -p /opt/postern && mount --bind -o ro ${root} /opt/postern && /opt/postern/deploy/install agent-names`,
  );
  await mustRun(laptop, `echo 'local: {realNames: true, dns: {zones: [${zone}]}}' >/etc/postern/agent-ada.yaml`);
  const asAda = { user: 'ada' };
  await mustRun(laptop, 'postern enrol', { ...asAda, input: invitation });
  await mustRun(laptop, 'systemctl enable --now postern-agent@ada');
  await loginAt(laptop, 'postern login', 'ada');
  const lookUp = async (name: string) => {
    const { stdout } = await laptop.run(`dig @127.0.0.53 ${name}`);
    return /IN[ \t]+A[ \t]+(\d\S+)/.exec(stdout)?.[1] ?? /status: (\w+)/.exec(stdout)?.[1] ?? stdout;
  };
  const until = async (what: string, holds: () => Promise<boolean>) => {
    const end = performance.now() + 20 * second;
    while (!(await holds())) if (performance.now() > end) throw new Error(`${what}: not within 20 s`);
  };
  type Seen = { href: string; text: string; errors: string[] };
  // When the resolver has just been told anew the browser may say that the network changed: then a person loads the page again.
  const visit = async (again = 10): Promise<Seen> => {
    const { stdout, stderr, code } = await laptop.run(
      `${node} ${join(root, 'test/support/visit-real-name.ts')} wiki`,
      asAda,
    );
    if (code !== 0) throw new Error(stderr);
    const seen = JSON.parse(stdout) as Seen;
    return again > 0 && seen.text.includes('ERR_NETWORK_CHANGED') ? visit(again - 1) : seen;
  };
  t.equal(await lookUp(`wiki.${zone}`), 'NXDOMAIN', 'before anybody is asked to ask the agent');

  const hold = laptop.start(`postern dns hold --json --zone ${zone} --user ada`);
  t.teardown(() => void hold.kill());
  await until('held', async () => (await lookUp(`wiki.${zone}`)).startsWith('127.'));
  await mustRun(laptop, 'postern trust install', asAda);
  await asked();
  const seen = await visit();
  t.match(seen, { href: `https://wiki.${zone}/`, text: wikiText.trim(), errors: [] }, 'without a warning');
  t.equal(await lookUp(`pay.${zone}`), 'NXDOMAIN', 'what is not hers does not exist');
  t.equal(await lookUp('www.example.org'), '198.51.100.7', 'other names as always');
  const left = await asked();
  t.ok(left.includes('www.example.org'));
  t.strictSame(
    left.filter((name) => name.endsWith(zone)),
    [],
    'no name of the zone has left the laptop',
  );
  const { stdout } = await laptop.run('postern doctor --json', asAda);
  const { lines } = JSON.parse(stdout) as { lines: { name: string; ok?: boolean }[] };
  for (const name of [`system DNS of ${zone}`, `real name wiki.${zone}`, 'issuer of names']) {
    t.match(
      lines.find((line) => line.name === name),
      { ok: true },
      name,
    );
  }
  t.match(
    lines.find(({ name }) => name.startsWith('trust in') && name.endsWith('nssdb')),
    { ok: true },
  );

  // Its supervisor first, which would start it again.
  await mustRun(laptop, "kill -9 $(pgrep -f '[b]in/systemctl enable') $(pgrep -f '[u]p --config /etc/postern')");
  await until('restored', async () => (await lookUp(`wiki.${zone}`)) === 'NXDOMAIN');
  t.notMatch(await mustRun(laptop, 'resolvectl --no-pager status'), /7053|postern0/, 'nothing of it is left');
  t.match(await laptop.run('postern dns status --json'), { stdout: /"changed":false/ });

  await mustRun(laptop, 'systemctl enable --now postern-agent@ada');
  await until('held again', async () => (await lookUp(`wiki.${zone}`)).startsWith('127.'));
  t.match(await visit(), { href: `https://wiki.${zone}/`, text: wikiText.trim(), errors: [] });
  await mustRun(laptop, 'postern trust uninstall', asAda);
  t.match((await visit()).href, /^chrome-error:/, 'and without trust it is a warning again');
});

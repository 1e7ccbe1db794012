/**
 * The README's road to a first real app, walked as it stands there: its own commands, two servers, a laptop and the app's host, each in
 * namespaces of its own, with the users, directories and units that `deploy/install` makes. Real nginx with TLS and real sshd behind.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { day, second } from '#shared/base/clock.ts';
import { issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { makeWorld } from '../support/gateway-world.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import {
  cloneAt,
  connectHosts,
  makeHost,
  mustRun,
  type NamespaceHost,
  namespacesNeed,
  type RunInHost,
} from '../support/namespace-host.ts';
import { addUser, loginAt } from '../support/one-host-world.ts';
import { root } from '../support/source-tree.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const section = /## Your first real app\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? '';
/** The fenced commands, block by block. */
const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = '']) => text.trim().split('\n'));
const [onController = [], onGateway = [], addApp = [], onLaptop = [], more = [], onOneHost = []] = blocks;
const sshLine = /`(ssh -o ProxyCommand=[^`]*)`/.exec(section)?.[1] ?? '';

const invitationIn = (text: string): string => /^postern-invite:\S+$/m.exec(text)?.[0] ?? '';
const hostsFile = (lines: readonly string[]) =>
  `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >>/etc/hosts`;

/** One line after the other as root, each as it stands; the last output. */
async function follow(host: NamespaceHost, lines: readonly string[], options?: RunInHost): Promise<string[]> {
  const outputs: string[] = [];
  for (const line of lines) outputs.push(await mustRun(host, line, options));
  return outputs;
}

/** Enrols, starts and signs in a person's agent by the README's lines. */
async function followOnLaptop(host: NamespaceHost, user: string, invitation: string): Promise<void> {
  const [install = '', enrol = '', signIn = ''] = onLaptop;
  await addUser(host, user);
  await mustRun(host, install, { user });
  await mustRun(host, enrol, { user, input: invitation });
  await loginAt(host, signIn, user);
}

/** Ports that others can reach. */
async function openPorts(host: NamespaceHost): Promise<string[]> {
  const rows = (await mustRun(host, 'ss -Hltn')).trim().split('\n');
  const places = rows.map((row) => row.trim().split(/\s+/)[3]!).filter((place) => !/^(127\.|\[::1\])/.test(place));
  return [...new Set(places.map((place) => place.slice(place.lastIndexOf(':') + 1)))].sort();
}

async function startNginx(host: NamespaceHost, listen: string, more = ''): Promise<void> {
  const dir = host.dir;
  for (const name of ['tmp', 'www', 'logs']) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, 'www/index.html'), 'Welcome to the wiki\n');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${dir}/tmp/${name};`,
  );
  writeFileSync(
    join(dir, 'nginx.conf'),
    `user root; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/logs/error.log;
events {}
http { access_log off; ${temporary.join(' ')}
  server { listen ${listen}; ${more} root ${dir}/www; }
}`,
  );
  await mustRun(host, `nginx -p ${dir} -c ${dir}/nginx.conf`);
}

async function startSshd(host: NamespaceHost): Promise<void> {
  const at = (name: string) => join(host.dir, name);
  for (const name of ['host', 'client']) await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  const lines = ['Port 22', `HostKey ${at('host')}`, `AuthorizedKeysFile ${at('client.pub')}`, 'StrictModes no'];
  writeFileSync(at('sshd.conf'), [...lines, 'UsePAM no', 'PasswordAuthentication no', 'PidFile none', ''].join('\n'));
  await mustRun(host, `mkdir -p /run/sshd && $(command -v sshd) -f ${at('sshd.conf')}`);
}

const wikiOf = (host: NamespaceHost, user: string, port = 7070) =>
  host.run(`curl -sS -w '%{http_code}' http://wiki.localhost:${port}/`, { user });

t.setTimeout(300 * second);

t.equal(blocks.length, 6, 'the section has its six blocks');
t.ok([...onController, ...onGateway, ...addApp, ...onLaptop].length <= 12, 'at most twelve commands');

t.test(
  'two servers and a laptop',
  namespacesNeed('nginx', 'sshd', 'ssh', 'ssh-keygen', 'curl', 'nft', 'ss'),
  async (t) => {
    const place = privateDir(t, 'first-app');
    const [hub, control, gateway, app, laptop] = (await Promise.all(
      ['hub', 'control', 'gateway', 'app', 'laptop'].map((name) => makeHost(t, name, place)),
    )) as [NamespaceHost, NamespaceHost, NamespaceHost, NamespaceHost, NamespaceHost];
    await connectHosts(hub, 'outside', [
      [control, '10.90.0.1/24'],
      [gateway, '10.90.0.2/24'],
      [laptop, '10.90.0.3/24'],
    ]);
    // The controller's host stands in the apps' network as well, as many do: that is what `app check` is to find.
    await connectHosts(hub, 'inside', [
      [control, '10.20.0.9/24'],
      [gateway, '10.20.0.2/24'],
      [app, '10.20.0.5/24'],
    ]);
    const names = ['10.90.0.1 control.example.net', '10.90.0.2 gw.example.net'];
    for (const host of [control, gateway, laptop]) await mustRun(host, hostsFile(names));
    for (const host of [control, gateway]) await cloneAt(host, '/opt/postern');
    const { issuer, root: ca } = await makeWorld();
    const keys = generateKeyPair();
    const spiffeId = 'spiffe://postern.test/device/wiki';
    const leaf = await issueLeaf({
      issuer,
      publicKey: keys.publicKey,
      spiffeId,
      now: Date.now(),
      dnsNames: ['wiki.example.net'],
      lifeMs: 90 * day,
    });
    writeFileSync(join(app.dir, 'wiki.pem'), `${leaf.pem}\n${issuer.certificate}`);
    writeFileSync(join(app.dir, 'wiki.key'), String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })));
    await startNginx(
      app,
      '443 ssl',
      `ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate ${app.dir}/wiki.pem; ssl_certificate_key ${app.dir}/wiki.key;`,
    );
    await startSshd(app);
    writeFileSync(join(control.dir, 'wiki-ca.pem'), ca.certificate);
    const atControl = { env: { HOME: control.dir } };

    const printed = await follow(control, onController);
    const [owner, join2] = [invitationIn(printed[1]!), invitationIn(printed[3]!)];
    t.ok(owner !== '' && join2 !== '' && owner !== join2, 'two invitations were printed, each on standard output');
    await follow(gateway, onGateway, { input: join2 });
    t.same(await openPorts(control), ['8442', '8443'], 'the inbound ports of the table');

    const [add = '', check = ''] = addApp;
    await mustRun(control, add, atControl);
    const open = await control.run(check);
    t.match(open, {
      code: 3,
      stdout: /ok +tls +TLSv1\.3, trusted by the CA given[\s\S]*ok +answer +GET \/ answers 200/,
    });
    t.match(
      open.stdout,
      /OPEN +direct +still reachable directly from this host: 10\.20\.0\.5 port 443\n +-> close it in the firewall/,
    );
    await mustRun(
      app,
      `nft 'add table inet f; add chain inet f in { type filter hook input priority 0; }; add rule inet f in tcp dport { 22, 443 } ip saddr != 10.20.0.2 drop'`,
    );
    t.match(await control.run(check), { code: 0, stdout: /ok +direct +this host cannot connect to the app/ });
    t.same(await openPorts(gateway), ['8444']);

    await followOnLaptop(laptop, 'ada', owner);
    t.match(await wikiOf(laptop, 'ada'), { stdout: 'Welcome to the wiki\n200' });
    t.not(
      (await laptop.run('curl -sS --connect-timeout 2 -k https://10.20.0.5/')).code,
      0,
      'there is no other way to the app',
    );
    t.match(await control.run('sudo posternctl status'), { code: 0, stdout: /\nAll is well\.\n$/ });

    const emil = invitationIn((await follow(control, more)).at(-1)!);
    const ssh = (user: string, config = '') =>
      laptop.run(
        `cp ${app.dir}/client ~/key && chmod 600 ~/key && ${sshLine.replace('ssh ', `ssh -F none -i ~/key -l root -o BatchMode=yes -o StrictHostKeyChecking=accept-new ${config} `)} 'echo in $((6 * 7))'`,
        { user },
      );
    await mustRun(laptop, `chmod 644 ${app.dir}/client`);
    t.match(await untilAllowed(() => ssh('ada')), { code: 0, stdout: 'in 42\n' });

    // A second person of the same laptop, with ports of his own.
    await addUser(laptop, 'emil');
    await mustRun(
      laptop,
      `mkdir -p ~/.config/postern && printf 'local: {portal: 7170, socks: 7180}\\n' >~/agent.yaml && ${onLaptop[0]}`,
      { user: 'emil' },
    );
    await mustRun(laptop, 'postern enrol', { user: 'emil', input: emil });
    const agent = laptop.start('postern up --config ~/agent.yaml', { user: 'emil' });
    t.teardown(() => agent.kill());
    await mustRun(laptop, 'postern status --wait 60', { user: 'emil' });
    await loginAt(laptop, 'postern login', 'emil');
    t.match(await untilAllowed(() => wikiOf(laptop, 'emil', 7170)), { stdout: 'Welcome to the wiki\n200' });
    const refused = await ssh('emil');
    t.equal(refused.code, 255);
    t.match(refused.stderr, /You (may not use this|have no app called build)/);
    t.match(
      await laptop.run('curl -sS http://wiki.localhost:7070/', { user: 'emil' }),
      { stdout: /^(?!Welcome)/ },
      "another user's port",
    );
  },
);

/** What was changed a moment ago is known to the agent a moment later. */
async function untilAllowed<
  T extends { readonly code: number | null; readonly stdout: string; readonly stderr: string },
>(act: () => Promise<T>): Promise<T> {
  return untilItWorks(async () => {
    const ran = await act();
    if (ran.code !== 0 || ran.stdout.includes('"code"')) throw new Error(`${ran.stdout}${ran.stderr}`);
    return ran;
  });
}

t.test('one host and a laptop', namespacesNeed('nginx', 'curl', 'ss'), async (t) => {
  const place = privateDir(t, 'first-app-one');
  const [hub, server, laptop] = (await Promise.all(
    ['hub', 'server', 'laptop'].map((name) => makeHost(t, name, place)),
  )) as [NamespaceHost, NamespaceHost, NamespaceHost];
  await connectHosts(hub, 'outside', [
    [server, '10.90.0.1/24'],
    [laptop, '10.90.0.3/24'],
  ]);
  for (const host of [server, laptop]) await mustRun(host, hostsFile(['10.90.0.1 postern.example.net']));
  await cloneAt(server, '/opt/postern');
  await startNginx(server, '127.0.0.1:8080');
  const printed = await follow(server, onOneHost);
  t.match(printed.at(-1), /ok +answer[\s\S]*ok +direct +the upstream is on the gateway's own host/);
  t.same(await openPorts(server), ['8442', '8443', '8444']);
  await followOnLaptop(laptop, 'ada', invitationIn(printed[1]!));
  t.match(await wikiOf(laptop, 'ada'), { stdout: 'Welcome to the wiki\n200' });
  t.match(await server.run('sudo posternctl status'), { code: 0, stdout: /\nAll is well\.\n$/ });
  for (const [dir, user] of [
    ['controller', 'postern-controller'],
    ['gateway', 'postern-gateway'],
  ] as const) {
    t.match(await server.run(`stat -c '%U %a' /var/lib/postern-${dir}`), { stdout: `${user} 700\n` });
  }
});

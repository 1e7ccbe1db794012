/**
 * The guide's road to both on one host at port 443 (`docs/deployment.md`): its own commands, with the users, the group, the directory and
 * the units that `deploy/install` makes. Whatever else the host listens at, its firewall lets nobody in but at 443.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { privateDir } from '../support/journey-tools.ts';
import {
  cloneAt,
  connectHosts,
  makeHost,
  mustRun,
  type NamespaceHost,
  namespacesNeed,
} from '../support/namespace-host.ts';
import { addUser, loginAt, node } from '../support/one-host-world.ts';
import { root } from '../support/source-tree.ts';

const guide = readFileSync(join(root, 'docs/deployment.md'), 'utf8');
const block = /## Both on one host[\s\S]*?```sh\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
/** `restart` comes last; here nothing runs before. */
const [install = '', write = '', toController = '', toGateway = ''] = block.trim().split('\n');
const name = 'postern.example.net';
const wiki = `${node} -e 'require("http").createServer((_, res) => res.end("wiki")).listen(8080, "127.0.0.1")'`;
const only443 = `table inet host { chain in { type filter hook input priority 0; iif "net" meta l4proto != tcp drop; iif "net" tcp dport != 443 ct state new drop; }; }`;
const invitationIn = (text: string): string => /^postern-invite:\S+$/m.exec(text)?.[0] ?? '';

t.test('P28: one host, two services, one port', namespacesNeed('curl', 'nft', 'setpriv', 'ss'), async (t) => {
  const place = privateDir(t, 'one-port');
  const [hub, server, laptop] = (await Promise.all(
    ['hub', 'server', 'laptop'].map((host) => makeHost(t, host, place)),
  )) as [NamespaceHost, NamespaceHost, NamespaceHost];
  await connectHosts(hub, 'net', [
    [server, '10.90.0.1/24'],
    [laptop, '10.90.0.3/24'],
  ]);
  for (const host of [server, laptop]) await mustRun(host, `echo '10.90.0.1 ${name}' >>/etc/hosts`);
  await mustRun(server, 'nft -f -', { input: only443 });
  await cloneAt(server, '/opt/postern');
  server.start(wiki);
  const atServer = (line: string) => mustRun(server, line);
  await atServer(install);
  await atServer(
    `sudo -u postern-controller postern-controller init --organisation Example --owner ada --address ${name}`,
  );
  await atServer(write);
  await atServer(toController);
  await atServer('systemctl enable --now postern-controller');
  const whoHas443 = async () => (await atServer("ss -Hltne 'sport = :443'")).trim();
  const uid = async (user: string) => `uid:${(await atServer(`id -u ${user}`)).trim()}`;
  t.match(await whoHas443(), await uid('postern-controller'), 'the controller, as long as there is no gateway');
  await atServer(
    `posternctl gateway invite gw-1 --address ${name}:8444 | sudo -u postern-gateway postern-gateway join`,
  );
  await atServer(toGateway);
  await atServer('systemctl enable --now postern-gateway');
  await untilItWorks(() => atServer('posternctl gateway list | grep -q fresh'), 60_000);
  t.match(await whoHas443(), await uid('postern-gateway'));
  t.match(
    await atServer('stat -c "%a %U %G" /var/lib/postern-share /var/lib/postern-share/*.sock'),
    /^2750 postern-controller postern-share\n660 postern-controller postern-share\n660 postern-controller postern-share\n$/,
  );
  await atServer('useradd --create-home mallory');
  for (const socket of ['connections', 'claims']) {
    const curl = `curl -sS -m 5 --unix-socket /var/lib/postern-share/${socket}.sock http://x/`;
    t.match(
      await server.run(curl, { user: 'mallory' }),
      { code: 7 },
      `no other user of the host gets at ${socket}.sock`,
    );
  }

  const invitation = invitationIn(await atServer('posternctl person add emil --name emil --invite --reason test'));
  await atServer('posternctl app add wiki --host wiki.example.net --upstream http://127.0.0.1:8080 --permit emil');
  await addUser(laptop, 'emil');
  await mustRun(laptop, '~/postern/deploy/install agent', { user: 'emil' });
  await mustRun(laptop, 'postern enrol', { user: 'emil', input: invitation });
  await mustRun(laptop, 'systemctl --user enable --now postern-agent', { user: 'emil' });
  await loginAt(laptop, 'postern login', 'emil');
  const page = 'curl -sS -m 20 http://wiki.localhost:7070/';
  t.equal(await mustRun(laptop, page, { user: 'emil' }), 'wiki');
  const status = await mustRun(laptop, 'postern status', { user: 'emil' });
  t.equal(status.match(/prelude at 443/g)?.length, 2, status);
  const record = await atServer('posternctl log search --person emil --json');
  t.match(record, /10\.90\.0\.3/);
  t.notMatch(record, /"from":"(127\.|10\.90\.0\.1")/, 'of both the true address');
});

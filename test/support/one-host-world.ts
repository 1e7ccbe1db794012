/** Hosts of their own: one server with controller, gateway and a wiki, and a laptop whose only way out is a router with the DNS. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { currentTotp } from '#shared/crypto/totp.ts';
import { privateDir } from './journey-tools.ts';
import { cloneAt, connectHosts, makeHost, mustRun, type NamespaceHost } from './namespace-host.ts';
import { root } from './source-tree.ts';

export const controllerName = 'postern.example.net';
export const serverAddress = '10.90.0.1';
export const routerAddress = '10.91.0.1';
export const wikiText = 'Welcome to the wiki\n';

export interface OneHostWorld {
  readonly server: NamespaceHost;
  readonly router: NamespaceHost;
  readonly laptop: NamespaceHost;
  /** Of the owner, `ada`. */
  readonly invitation: string;
  /** Another person's, with a reason. */
  invite(person: string): Promise<string>;
}

/** `/usr/local/bin` of such a host is empty. */
export const node = join(root, 'node_modules/.bin/node');
const wiki = `${node} -e 'require("http").createServer((_, res) => res.setHeader("content-type", "text/html").end(${JSON.stringify(wikiText)})).listen(8080, "127.0.0.1")'`;

/** `wikiHost`: the name at which the wiki is an app. */
export async function makeOneHostWorld(t: Test, name: string, wikiHost = 'wiki.example.net'): Promise<OneHostWorld> {
  const place = privateDir(t, name);
  const [hub, server, router, laptop] = (await Promise.all(
    ['hub', 'server', 'router', 'laptop'].map((host) => makeHost(t, host, place)),
  )) as [NamespaceHost, NamespaceHost, NamespaceHost, NamespaceHost];
  await connectHosts(hub, 'outside', [
    [server, `${serverAddress}/24`],
    [router, '10.90.0.254/24'],
  ]);
  await connectHosts(hub, 'inside', [
    [router, `${routerAddress}/24`],
    [laptop, '10.91.0.3/24'],
  ]);
  await mustRun(router, 'echo 1 >/proc/sys/net/ipv4/ip_forward');
  await mustRun(
    server,
    `ip route add 10.91.0.0/24 via 10.90.0.254 && echo '${serverAddress} ${controllerName}' >>/etc/hosts`,
  );
  await mustRun(
    laptop,
    `ip route add default via ${routerAddress} && echo 'nameserver ${routerAddress}' >/etc/resolv.conf`,
  );
  await cloneAt(server, '/opt/postern');
  server.start(wiki);
  const atServer = (line: string) => mustRun(server, line);
  await atServer('/opt/postern/deploy/install controller gateway');
  const init = await atServer(
    `sudo -u postern-controller postern-controller init --organisation Example --owner ada --address ${controllerName}`,
  );
  await atServer('systemctl enable --now postern-controller');
  await atServer(
    `posternctl gateway invite gw-1 --address ${controllerName}:8444 | sudo -u postern-gateway postern-gateway join`,
  );
  await atServer('systemctl enable --now postern-gateway');
  await mustRun(
    server,
    'for i in $(seq 100); do posternctl gateway list | grep -q fresh && exit; sleep 0.1; done; posternctl gateway list; cat "$SHARED"/postern-gateway.log; exit 1',
  );
  await atServer(`posternctl app add wiki --host ${wikiHost} --upstream http://127.0.0.1:8080 --permit ada`);
  return {
    server,
    router,
    laptop,
    invitation: invitationIn(init),
    invite: async (person) =>
      invitationIn(await atServer(`posternctl person add ${person} --name ${person} --invite --reason test`)),
  };
}

const invitationIn = (text: string): string => /^postern-invite:\S+$/m.exec(text)?.[0] ?? '';

export async function addUser(host: NamespaceHost, user: string): Promise<void> {
  await mustRun(host, `useradd --create-home ${user}`);
  await cloneAt(host, `/home/${user}/postern`);
}

/** A first sign-in at the terminal: password, authenticator app, its code. Resolves with what was said. */
export function loginAt(host: NamespaceHost, line: string, user: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = host.start(line, { user });
    let said = '';
    let isTold = false;
    child.stdin!.write('violet ladder 47 harbour\n');
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const secret = /Secret: (\S+)\n/.exec(said)?.[1];
        if (secret === undefined || isTold) return;
        isTold = true;
        child.stdin!.write(`${currentTotp(secret, Date.now())}\n`);
      });
    }
    child.once('close', (code) =>
      code === 0 ? resolve(said) : reject(new Error(`${line} ended with ${code}: ${said}`)),
    );
  });
}

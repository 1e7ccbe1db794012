/** Apps behind agent and gateway, a browser that has been let in at each, and a site of somebody else; what arrives at the apps is known. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { WebSocketServer } from 'ws';
import type { App } from '#shared/contracts/app.ts';
import { type Browser, launchChromium, type Tab } from './chromium.ts';
import { vehicles } from './cross-site-vehicles.ts';
import { httpApp } from './gateway-apps.ts';
import { type Chain, startChain } from './gateway-chain.ts';

export interface CrossSiteRig {
  readonly chain: Chain;
  readonly apps: readonly App[];
  readonly evil: string;
  readonly browser: Browser;
  /** A tab of the browser at this address. */
  at(url: string): Promise<Tab>;
  /** `http://plain.localhost:7070`; `postern` is the portal. */
  local(name: string): string;
  /** Tries every vehicle in the tab's page against `base`; the names of those that arrived at the app or the portal. */
  attack(tab: Tab, attacker: string, target: string, base: string): Promise<string[]>;
}

/** `apps`: what is told of each besides its name, given the origin of the foreign site. */
export async function startCrossSiteRig(
  t: Test,
  describe: (evil: string) => Readonly<Record<string, object>>,
  args: (chain: Chain) => readonly string[] = () => [],
): Promise<CrossSiteRig> {
  const { port, arrived } = await startServer(t);
  const evil = `http://evil.test:${port}`;
  const apps = Object.entries(describe(evil)).map(([id, more]) => httpApp(port, { id, hosts: [hostOf(id)], ...more }));
  const chain = await startChain(t, apps);
  const browser = await launchChromium(['--host-resolver-rules=MAP evil.test 127.0.0.1', ...args(chain)]);
  t.teardown(() => browser.close());
  const { file } = await chain.side.openLink(apps[0]!.id);
  const first = await browser.open(`file://${file}`);
  await first.waitForText('here');

  /** Until a window shows an answer from there, whatever it says: only answers have titles, and `Postern` is the portal's way round. */
  async function untilShown(path: string): Promise<void> {
    const isShown = ({ url, title }: { url: string; title: string }) =>
      url.split('?', 1)[0]!.endsWith(path) && title !== '' && title !== 'Postern' && !title.includes(path);
    while (!(await browser.pages()).some(isShown)) await new Promise((go) => setTimeout(go, 10));
  }

  const cameTo = (target: string, path: string): boolean =>
    target === 'postern'
      ? chain.portalGot.some((line) => line.split(/[ ?]/)[1] === path)
      : arrived.has(`${hostOf(target)}${path}`);

  return {
    chain,
    apps,
    evil,
    browser,
    local: (name) => `http://${name}.localhost:${chain.localPort}`,
    async at(url) {
      const tab = await browser.open('about:blank', { beside: first });
      await tab.goto(url);
      await tab.waitForText('here');
      return tab;
    },
    async attack(tab, attacker, target, base) {
      const came: string[] = [];
      for (const vehicle of vehicles) {
        const path = `/${attacker}/${target}/${vehicle.name}`;
        await tab.evaluate(vehicle.run(`${base}${path}`));
        if (vehicle.popup) await untilShown(path);
        if (cameTo(target, path)) came.push(vehicle.name);
      }
      return came;
    },
  };
}

const hostOf = (id: string): string => `${id}.corp.example`;

/** All apps and the foreign site in one: host and path of each request are in `arrived`. Every origin is told that it may read. */
async function startServer(t: Test): Promise<{ port: number; arrived: ReadonlySet<string> }> {
  const arrived = new Set<string>();
  const note = ({ headers, url }: { headers: { host?: string }; url?: string }) =>
    arrived.add(`${headers.host?.split(':', 1)[0]}${url?.split('?', 1)[0]}`);
  const server = createServer((req, res) => {
    note(req);
    req.resume();
    const sandbox = { 'content-security-policy': 'sandbox allow-scripts allow-forms allow-popups' };
    res.writeHead(200, {
      'content-type': 'text/html',
      ...(req.url === '/sandboxed' ? sandbox : {}),
      'access-control-allow-origin': req.headers.origin ?? '*',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'content-type',
      'access-control-allow-methods': 'GET, POST, DELETE',
    });
    res.end(req.method === 'OPTIONS' ? undefined : '<!doctype html><title>a page</title><body>here');
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, req) => {
    socket.on('error', () => {});
    note(req);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, arrived };
}

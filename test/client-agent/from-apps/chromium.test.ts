/** The way of a real browser: one-time link, detour, app; then a page of another site; then the PAC file. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import { launchChromium, needsChromium } from '../../support/chromium.ts';
import { fakeGateway } from '../../support/fake-agent-core.ts';
import { localRig } from './local-rig.ts';

const needs = { ...needsChromium(), timeout: 240_000 };

/** Opens a page, which is never awaited: it goes on by itself. */
async function browse(t: Test, url: string, ...more: string[]): Promise<void> {
  const browser = await launchChromium(more);
  t.teardown(() => browser.close());
  browser.open(url).catch(() => {});
}

const page = (res: ServerResponse, html: string, headers = {}) =>
  res.writeHead(200, { 'content-type': 'text/html', ...headers }).end(html);

t.test('a link, an app, its scripts, and a page of another site that tries', needs, async (t) => {
  const done = Promise.withResolvers<void>();
  let evil = 0;
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    if (req.url === '/') {
      const cookies = [
        '__Host-sid=1; Secure; Path=/; HttpOnly; Domain=corp.internal',
        'plain=2; Domain=wiki.corp.internal',
      ];
      page(
        res,
        `<script>fetch('/api',{method:'POST',body:'x'}).then(()=>{location.href='http://evil.localhost:${evil}/'})</script>`,
        {
          'set-cookie': cookies,
        },
      );
    } else if (req.url === '/landed') {
      page(res, 'landed');
      done.resolve();
    } else res.end('ok');
  };
  const rig = await localRig(t, { onRequest });
  const wiki = `http://wiki.localhost:${rig.port}`;
  const portal = `http://postern.localhost:${rig.port}`;
  evil = await fakeGateway(t, (req, res) => {
    if (req.url !== '/') res.writeHead(404).end();
    else
      page(
        res,
        `<iframe name="f"></iframe><form target="f" method="post" action="${wiki}/evil-form"></form><script>
const tries = [
  fetch('${wiki}/evil-fetch', {mode:'no-cors', credentials:'include'}),
  fetch('${wiki}/evil-post', {method:'POST', mode:'no-cors', credentials:'include', body:'x'}),
  fetch('${portal}/evil-portal', {mode:'no-cors', credentials:'include'}),
  new Promise((r) => { const i = new Image(); i.onerror = i.onload = r; i.src = '${wiki}/evil-image'; }),
  new Promise((r) => { const w = new WebSocket('${wiki.replace('http', 'ws')}/evil-socket'); w.onerror = w.onclose = r; }),
  new Promise((r) => { const s = document.createElement('script'); s.onerror = s.onload = r; s.src = '${portal}/.postern-local/proxy.pac'; document.head.append(s); }),
  new Promise((r) => { const f = document.createElement('iframe'); f.onload = r; f.src = '${wiki}/evil-frame'; document.body.append(f); }),
];
document.forms[0].submit();
Promise.allSettled(tries).then(() => { location.href = '${wiki}/landed'; });
</script>`,
      );
  });
  const { file } = await rig.side.openLink('wiki');
  await browse(t, `file://${file}`);
  await done.promise;
  const got = rig.got.filter(({ url }) => url !== '/favicon.ico');
  t.same(
    got.map(({ method, url }) => `${method} ${url}`),
    ['GET /', 'POST /api', 'GET /landed'],
    'the link of the other site was followed, its scripts, frames and forms were not',
  );
  t.equal(got[0]!.headers.cookie, undefined);
  t.equal(got[1]!.headers.cookie, '__Host-sid=1; plain=2', 'the cookies of the app work, ours is not there');
  t.match(got[1]!.headers, { origin: 'https://wiki.corp.internal', 'sec-fetch-site': 'same-origin' });
  t.same(rig.portalGot, []);
});

t.test('a browser with the PAC file reaches an app by its real name', needs, async (t) => {
  const done = Promise.withResolvers<void>();
  const rig = await localRig(t, {
    onRequest: (req, res) => {
      if (req.url === '/start') {
        const cookies = ['__Host-sid=1; Secure; Path=/', 'plain=2; Secure; SameSite=None'];
        page(res, `<script>fetch('/api').then(() => fetch('/end'))</script>`, { 'set-cookie': cookies });
      } else res.end('ok');
      if (req.url === '/end') done.resolve();
    },
  });
  const pac = rig.side.addresses().find(({ name }) => name === 'pac')!.address;
  const to = '/.postern-local/session?site=wiki.corp.internal&to=%2Fstart';
  await browse(t, `file://${rig.side.oneTimeLink(to)}`, `--proxy-pac-url=${pac}`);
  await done.promise;
  const api = rig.got.find(({ url }) => url === '/api')!;
  t.match(api.headers, { host: 'wiki.corp.internal', cookie: '__Host-sid=1; plain=2' });
});

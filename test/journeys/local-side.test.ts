/** The local side with real clients: WebSocket, SSE, SOCKS5, HTTP proxy, PAC file, against the sample apps. */
import { type EventEmitter, once } from 'node:events';
import { createContext, runInContext } from 'node:vm';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { openThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { curl } from '../support/journey-curl.ts';
import { runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { startTriangle } from '../support/triangle.ts';

interface Said {
  readonly kind: string;
  readonly from: string;
  readonly text?: string;
}

/** A chat client; `next` gives what it hears, in order, however late it is asked. */
async function openChat(t: Test, port: number) {
  // Node's own resolver knows no name below localhost, so the name is given as Host.
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { host: `live.localhost:${port}` } });
  t.teardown(() => socket.terminate());
  const heard: Said[] = [];
  const waiting: ((said: Said) => void)[] = [];
  socket.on('message', (data) => {
    const said = JSON.parse(String(data)) as Said;
    const first = waiting.shift();
    if (first === undefined) heard.push(said);
    else first(said);
  });
  await once(socket, 'open');
  const next = async (): Promise<Said> => heard.shift() ?? new Promise((resolve) => waiting.push(resolve));
  return { socket, next };
}

/** Cut counts as closed: unlike `once`, it does not reject at the error before. */
function closeOf(stream: EventEmitter): Promise<void> {
  stream.on('error', () => {});
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

t.test('programs on the local side', needs('curl'), async (t) => {
  const { admin, ports, portalPort } = await startTriangle(t);
  const port = portalPort('emil');
  const socks = ['--socks5-hostname', `127.0.0.1:${ports.employeeSocks}`];
  const proxy = ['--proxy', `http://127.0.0.1:${port}`];

  t.test('SOCKS5 by name: a web app', async (t) => {
    const answer = await curl(...socks, '--location', 'http://wiki.corp.internal/');
    t.equal(answer.status, 200, answer.stderr);
    t.match(answer.body, 'Hello, Emil Employee');
  });

  t.test('SOCKS5 by name: a TCP app', async (t) => {
    const target = 'telnet://echo.corp.internal:7007';
    const ran = await runTool('curl', ['-sS', '--max-time', '20', ...socks, target], { input: 'hello\nquit\n' });
    t.match(ran.stdout, /^Hello from echo[\s\S]*1 HELLO\nbye\n$/, ran.stderr);
  });

  t.test('SOCKS5: nothing but the apps', async (t) => {
    for (const url of ['http://example.com/', 'http://127.0.0.1:9001/', 'telnet://echo.corp.internal:7008']) {
      const answer = await curl(...socks, url);
      t.equal(answer.exit, 97, `${url}: ${answer.stderr}`);
    }
  });

  t.test('HTTP proxy, in absolute form and by CONNECT', async (t) => {
    const plain = await curl(...proxy, 'http://wiki.corp.internal/whoami');
    t.match(JSON.parse(plain.body), { id: 'emil', name: 'Emil Employee' });
    const tunnel = await curl(...proxy, '--proxytunnel', 'http://wiki.corp.internal/whoami');
    t.match(JSON.parse(tunnel.body), { id: 'emil' });
    const stranger = await curl(...proxy, 'http://example.com/');
    t.equal(stranger.status, 403);
    t.match(JSON.parse(stranger.body), { code: 'not-allowed' });
    const line = await curl(...proxy, 'https://wiki.corp.internal/');
    t.equal(line.exit, 56, 'https would hide from the agent what it must judge');
  });

  t.test('some MB come whole, by every way', async (t) => {
    for (const way of [
      [...socks, 'http://wiki.corp.internal'],
      [...proxy, 'http://wiki.corp.internal'],
      [`http://wiki.localhost:${port}`],
    ]) {
      const origin = way.at(-1);
      const { stdout } = await runTool('curl', [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{size_download}',
        ...way.slice(0, -1),
        `${origin}/download?mb=8`,
      ]);
      t.equal(stdout, `200 ${8 * 1024 * 1024}`, String(origin));
    }
  });

  t.test('the PAC file sends the hosts of the apps to the proxy, and nothing else', async (t) => {
    const answer = await curl(`http://postern.localhost:${port}/.postern-local/proxy.pac`);
    t.equal(answer.status, 200);
    const context = createContext({});
    runInContext(answer.body, context);
    const find = (host: string) => runInContext(`FindProxyForURL('http://${host}/', '${host}')`, context) as string;
    for (const host of ['wiki.corp.internal', 'payroll.corp.internal', 'live.corp.internal', 'WIKI.corp.internal']) {
      t.equal(find(host), `PROXY 127.0.0.1:${port}`, host);
    }
    for (const host of ['example.com', 'corp.internal', 'wiki.corp.internal.example.com', 'constructor', 'localhost']) {
      t.equal(find(host), 'DIRECT', host);
    }
    const page = await curl(
      '--header',
      'Sec-Fetch-Site: cross-site',
      `http://postern.localhost:${port}/.postern-local/proxy.pac`,
    );
    t.equal(page.status, 403, 'a page does not get it');
    const bare = await curl('--header', 'Host: localhost', `http://127.0.0.1:${port}/.postern-local/proxy.pac`);
    t.not(bare.status, 200, 'a Host without the port is somebody else');
  });

  t.test('a chat over WebSocket; a revocation ends it while others chat on', async (t) => {
    const olivia = await openChat(t, portalPort('olivia'));
    t.same(await olivia.next(), { kind: 'joined', from: 'Olivia Owner' });
    const emil = await openChat(t, port);
    t.same(await emil.next(), { kind: 'joined', from: 'Emil Employee' });
    t.same(await olivia.next(), { kind: 'joined', from: 'Emil Employee' });
    emil.socket.send('good morning');
    t.same(await olivia.next(), { kind: 'said', from: 'Emil Employee', text: 'good morning' });
    t.same(await emil.next(), { kind: 'said', from: 'Emil Employee', text: 'good morning' });

    const clock = await openThroughAgent({ port, app: 'live', path: '/clock' });
    await once(clock, 'data');
    clock.resume();
    const ended = Promise.all([closeOf(emil.socket), closeOf(clock)]);
    const report = await admin.revoke({ body: { kind: 'person', id: 'emil', because: 'a journey' } });
    await ended;
    t.ok(report.complete);
    t.equal(report.gateways[0]!.streamsCut, 2, 'the chat and the clock');
    t.same(await olivia.next(), { kind: 'left', from: 'Emil Employee' });
    olivia.socket.send('where is he?');
    t.match(await olivia.next(), { kind: 'said', from: 'Olivia Owner' });
  });

  t.test('signed out, every way says so', async (t) => {
    const plain = await curl(`http://wiki.localhost:${port}/whoami`);
    t.equal(plain.status, 401);
    t.match(JSON.parse(plain.body), { code: 'session-required' });
    t.match(JSON.parse((await curl(...proxy, 'http://wiki.corp.internal/whoami')).body), { code: 'session-required' });
    t.not((await curl(...socks, 'http://wiki.corp.internal/whoami')).status, 200);
  });
});

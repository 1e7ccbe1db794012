/** P30: programs with a password of `postern client add`, from a container's network. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { ask, type LocalRigOptions, localRig } from '../client-agent/from-apps/local-rig.ts';
import { capitalsApp } from '../support/capitals-app.ts';
import { type ContainerNetwork, makeContainerNetwork, needsContainerNetwork } from '../support/container-network.ts';
import { runTool } from '../support/journey-tools.ts';
import { keepLog } from '../support/kept-log.ts';

const inContainer = needsContainerNetwork('curl', 'setpriv');
const name = 'ci-runner-7';

/** A rig that listens at a container's bridge too, with a client for wiki and db. */
async function world(t: Test, more: LocalRigOptions = {}) {
  const net = makeContainerNetwork(t);
  const app = await capitalsApp(t);
  const kept = keepLog();
  const options = { socks: true, tcpApp: app.port, clientAddresses: [net.address], log: kept.log };
  const rig = await localRig(t, { ...options, ...more });
  const { password } = rig.clients.add({ name, apps: ['wiki', 'db'] });
  const proxy = `http://${net.address}:${rig.port}`;
  const socks = `${net.address}:${rig.side.ports.socks}`;
  return { net, rig, app, password, proxy, socks, lines: kept.lines, user: `${name}:${password}` };
}

const curlArgs = ['-sS', '--max-time', '20', '-o', '-', '-w', '\n%{http_code} %{http_connect}'];
const inside = (net: ContainerNetwork, ...args: string[]) => net.run('curl', ...curlArgs, ...args);
/** What differs between two answers by chance. */
const plain = (text: string) => text.replaceAll(/[0-9a-f]{32}/g, 'TRACE');

t.test(
  'P30: a container gets nothing without a password, and nothing but the proxies with one',
  inContainer,
  async (t) => {
    const { net, rig, proxy, socks, user } = await world(t);
    const local = await rig.side.openPort('db', 0);
    t.not((await inside(net, `http://127.0.0.1:${rig.port}/`)).code, 0, 'its own loopback is another');
    t.not(
      (await inside(net, `http://${net.address}:${local.port}/`)).code,
      0,
      'ports of TCP apps are for loopback alone',
    );

    for (const more of [
      [],
      ['--proxy-header', 'x: y'],
      ['--header', `Proxy-Authorization: Basic ${Buffer.from(user).toString('base64')}`],
    ]) {
      for (const host of ['postern.localhost', 'wiki.localhost', 'localhost', net.address]) {
        for (const path of ['/', '/.postern-local/proxy.pac', '/.postern-local/session', '/api/state']) {
          const said = await inside(net, ...more, '--header', `Host: ${host}:${rig.port}`, `${proxy}${path}`);
          t.match(said.stdout, /"code":"local-refused"[\s\S]*\n403 /, `${host}${path}`);
        }
      }
    }
    const without = await inside(net, '-i', '--proxy', proxy, 'http://wiki.corp.internal/');
    t.match(without.stdout, /^HTTP\/1.1 407 [\s\S]*proxy-authenticate: Basic realm="postern"[\s\S]*\n407 /i);
    t.match((await inside(net, '--proxy', proxy, '-p', 'http://wiki.corp.internal/')).stdout, / 407$/, 'CONNECT');
    t.equal((await inside(net, '--socks5-hostname', socks, 'http://wiki.corp.internal/')).code, 97, 'SOCKS');
    t.equal(rig.got.length, 0);
    t.equal(rig.core.asked.length, 0);
    t.equal(rig.core.activities, 0, 'and keeps no session awake');
    t.same(rig.portalGot, []);
  },
);

t.test(
  'P30: a password reaches its apps by every way of the proxies, and tells nobody of itself',
  inContainer,
  async (t) => {
    const { net, rig, proxy, socks, user, password } = await world(t);
    const ways = [
      ['--proxy', proxy, '--proxy-user', user],
      ['--proxy', proxy, '--proxy-user', user, '-p'],
      ['--socks5-hostname', socks, '--proxy-user', user],
    ];
    for (const way of ways) {
      const said = await inside(net, ...way, 'http://wiki.corp.internal/page');
      t.match(said.stdout, /^from the app\n200 /, way.join(' '));
      const [program, ...args] = net.command('curl', ...curlArgs, '-N', ...way, 'telnet://db.corp.internal:5432');
      const tunnel = await runTool(program, args, { input: 'hello, quit' });
      t.match(tunnel.stdout, /^HELLO, QUIT/, `TCP ${way.join(' ')}: ${tunnel.stderr}`);
    }
    const browser = ['--user-agent', 'Mozilla/5.0', '--header', 'Accept: text/html'];
    t.match(
      (await inside(net, ...ways[0]!, ...browser, 'http://wiki.corp.internal/')).stdout,
      /^from the app\n200 /,
      'a browser too',
    );
    t.ok(
      rig.core.asked.every((asked) => asked.client === name),
      'the core knows who asked',
    );
    t.match(rig.clients.list(), [{ name, open: Number }]);
    t.ok(rig.clients.list()[0]!.uses >= 6);
    const sent = JSON.stringify(rig.got);
    t.notMatch(sent, /proxy-authorization/i);
    t.notOk(sent.includes(name) || sent.includes(password) || sent.includes(Buffer.from(user).toString('base64')));
  },
);

t.test('P12 P30: an app that is not its own and one that does not exist are one answer', inContainer, async (t) => {
  const { net, rig, proxy, socks, user } = await world(t);
  rig.core.list = [...rig.core.list, { ...rig.core.list[2]!, id: 'other', hosts: ['other.corp.internal'] }];
  for (const way of [
    ['--proxy', proxy],
    ['--proxy', proxy, '-p'],
    ['--socks5-hostname', socks],
  ]) {
    const at = async (host: string) => {
      const said = await inside(net, '-i', ...way, '--proxy-user', user, `http://${host}/`);
      return plain(`${said.code} ${said.stdout} ${said.stderr}`)
        .replaceAll(host.split(':')[0]!, 'HOST')
        .replaceAll(/^date:.*$/gim, '');
    };
    const not = await at('nix.corp.internal');
    t.equal(await at('pay.corp.internal'), not, `HTTP ${way.join(' ')}`);
    t.equal(await at('other.corp.internal:5432'), await at('nix.corp.internal:5432'), `TCP ${way.join(' ')}`);
  }
  t.equal(rig.got.length, 0);
  t.equal(rig.core.asked.length, 0);
  const own = await ask(rig.port, { host: 'pay.corp.internal', path: 'http://pay.corp.internal/' });
  t.equal(own.status, 200, 'this user reaches it');
});

t.test(
  'P30: wrong, unknown, expired and removed are one answer; the log says which; a source that goes on is throttled',
  inContainer,
  async (t) => {
    const { net, rig, proxy, socks, user, password, lines } = await world(t);
    const late = rig.clients.add({ name: 'late', apps: ['wiki'], expiresAt: rig.now + 1000 });
    const gone = rig.clients.add({ name: 'gone', apps: ['wiki'] });
    rig.clients.remove('gone');
    rig.now += 1000;
    const tries = [
      `${name}:${password}x`,
      `nobody-here:${password}`,
      `late:${late.password}`,
      `gone:${gone.password}`,
      `:${password}`,
      name,
    ];
    const answers = new Set<string>();
    for (const wrong of tries) {
      const said = await inside(net, '-i', '--proxy', proxy, '--proxy-user', wrong, 'http://wiki.corp.internal/');
      answers.add(plain(said.stdout).replaceAll(/^date:.*$/gim, ''));
      t.match(said.stdout, /connection: close/i);
    }
    t.equal(answers.size, 1);
    t.match([...answers][0], /"code":"proxy-login-required"/);
    t.equal(
      (
        await inside(
          net,
          '--socks5-hostname',
          socks,
          '--proxy-user',
          `late:${late.password}`,
          'http://wiki.corp.internal/',
        )
      ).code,
      97,
    );
    const logged = lines.filter(({ msg }) => msg === 'refused a proxy login');
    const has = (why: string, client?: string) =>
      logged.some((line) => line['why'] === why && line['client'] === client);
    t.ok(has('wrong password', name));
    t.ok(has('no such client'));
    t.ok(has('expired', 'late'));
    for (const line of logged) t.match(line, { source: net.inside });
    for (const hidden of [password, late.password, 'nobody-here']) t.notOk(JSON.stringify(lines).includes(hidden));

    const again = async () =>
      (await inside(net, '-i', '--proxy', proxy, '--proxy-user', 'x:y', 'http://wiki.corp.internal/')).stdout;
    for (let count = tries.length + 1; count < 10; count += 1) t.match(await again(), /^HTTP\/1.1 407 /);
    const before = lines.length;
    t.match(await again(), /^HTTP\/1.1 429 [\s\S]*retry-after: \d+/i);
    t.match(await again(), /^HTTP\/1.1 429 /);
    t.equal(lines.length, before + 1, 'one last line');
    t.match(
      (await inside(net, '--proxy', proxy, '--proxy-user', user, 'http://wiki.corp.internal/')).stdout,
      /^from the app/,
      'and yet nobody is locked out',
    );
    rig.now += 60_000;
    t.match(await again(), /^HTTP\/1.1 407 /);
  },
);

t.test('P30: whom the kernel knows as another user, a password does not help', inContainer, async (t) => {
  const { net, rig, user } = await world(t);
  const asNobody = (...args: string[]) =>
    runTool('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'curl', ...curlArgs, ...args], {
      cwd: '/',
    });
  for (const address of ['127.0.0.1', '[::1]', net.address]) {
    const http = await asNobody(
      '--proxy',
      `http://${address}:${rig.port}`,
      '--proxy-user',
      user,
      'http://wiki.corp.internal/',
    );
    t.notMatch(http.stdout, /from the app/, address);
    const socks = ['--socks5-hostname', `${address}:${rig.side.ports.socks}`, '--proxy-user', user];
    t.not((await asNobody(...socks, 'http://wiki.corp.internal/')).code, 0, address);
  }
  const here = await runTool('curl', [
    ...curlArgs,
    '--proxy',
    `http://${net.address}:${rig.port}`,
    'http://wiki.corp.internal/',
  ]);
  t.match(here.stdout, /\n407 /, 'at the bridge even this user needs a password');
  t.equal(rig.got.length, 0);
});

/** A program in the container whose tunnel to the TCP app stays. */
function tunnelFrom(net: ContainerNetwork, address: string, port: number, user: string): ChildProcess {
  const head = `CONNECT db.corp.internal:5432 HTTP/1.1\r\nHost: db.corp.internal:5432\r\nProxy-Authorization: Basic ${Buffer.from(user).toString('base64')}\r\n\r\n`;
  const code = `const s = require('node:net').connect(${port}, '${address}');
s.write(${JSON.stringify(`${head}hello`)});
s.on('data', (d) => process.stdout.write(d));
s.on('error', () => {}).on('close', () => process.exit(0));`;
  const [program, ...args] = net.command('node', '-e', code);
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
}

async function until(child: ChildProcess, text: string): Promise<void> {
  let out = '';
  for await (const chunk of child.stdout!.setEncoding('latin1').iterator({ destroyOnReturn: false })) {
    out += chunk;
    if (out.includes(text)) return;
  }
  throw new Error(`ended before ${text}: ${out}`);
}

t.test('P30: removing a client cuts what runs under it, and so does its end', inContainer, async (t) => {
  const { net, rig, app, user } = await world(t);
  const removed = tunnelFrom(net, net.address, rig.port, user);
  await until(removed, 'HELLO');
  const added = rig.clients.add({ name: 'short', apps: ['db'], expiresAt: rig.now + 5000 });
  const expiring = tunnelFrom(net, net.address, rig.port, `short:${added.password}`);
  await until(expiring, 'HELLO');
  t.equal(app.open.size, 2);
  const [appSide] = app.open;
  t.same(
    rig.clients.list().map(({ open }) => open),
    [1, 1],
  );
  t.equal(rig.clients.remove(name), 1);
  await Promise.all([once(removed, 'close'), once(appSide!, 'close')]);
  t.equal(app.open.size, 1, 'the other runs on');
  rig.now += 5000;
  rig.clients.tick();
  await once(expiring, 'close');
});

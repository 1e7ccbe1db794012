/** P30: a program in a container with a password of `postern client add`, and another user of the same machine with one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { configFile } from '../../deploy/quickstart/configs.ts';
import { makeContainerNetwork, needsContainerNetwork } from '../support/container-network.ts';
import { connectApp, postern } from '../support/journey-servers.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const curlArgs = ['-sS', '--max-time', '20', '-w', '\n%{http_code}'];
const name = 'build-7';

t.test(
  'P30: a container and another user',
  { ...needsContainerNetwork('curl', 'setpriv'), timeout: 240_000 },
  async (t) => {
    const triangle = await steerTriangle(t);
    const net = makeContainerNetwork(t);
    const profile = triangle.state.path('agents', 'emil', 'profile');
    const run = (...args: string[]) => runTool(postern, [...args, '--dir', profile]);
    const secrets = privateDir(t, 'clients');
    const passwordOf = (file: string) => readFileSync(join(secrets, file), 'utf8').trim();

    // As a person does: the agent is down, a client is made, the bridge is named in the configuration.
    await triangle.end('agent-emil', 'SIGTERM');
    const added = await run(
      'client',
      'add',
      name,
      '--app',
      'wiki',
      '--app',
      'echo',
      '--app',
      'live',
      '--file',
      join(secrets, name),
    );
    t.equal(added.code, 0, added.stderr);
    const file = configFile(triangle.state, 'emil');
    const config = parse(readFileSync(file, 'utf8')) as { local: object };
    writeFileSync(file, stringify({ ...config, local: { ...config.local, clientAddresses: [net.address] } }));
    await triangle.start('agent-emil');
    await triangle.signIn('emil');

    const port = triangle.portalPort('emil');
    const socksPort = triangle.ports.employeeSocks;
    const user = `${name}:${passwordOf(name)}`;
    const proxy = ['--proxy', `http://${net.address}:${port}`];
    const socks = ['--socks5-hostname', `${net.address}:${socksPort}`];
    const inside = (...args: string[]) => net.run('curl', ...curlArgs, ...args);

    t.test('it reaches its apps, by the HTTP proxy and by SOCKS', async (t) => {
      const page = await inside(...proxy, '--proxy-user', user, 'http://wiki.corp.internal/whoami');
      t.match(page.stdout, /"id":"emil"[\s\S]*\n200$/, page.stderr);
      const byTunnel = await inside(...proxy, '-p', '--proxy-user', user, 'http://wiki.corp.internal/whoami');
      t.match(byTunnel.stdout, /"id":"emil"[\s\S]*\n200$/, byTunnel.stderr);
      const login = `socks5h://${user}@${net.address}:${socksPort}`;
      const [program, ...rest] = net.command(
        'curl',
        '-sS',
        '--max-time',
        '20',
        '--proxy',
        login,
        'telnet://echo.corp.internal:7007',
      );
      const echo = await runTool(program, rest, { input: 'hello\nquit\n' });
      t.match(echo.stdout, /1 HELLO\nbye\n$/, echo.stderr);
    });

    t.test('and nothing else: not the other apps, not the portal, not without the right password', async (t) => {
      const answers = new Set<string>();
      for (const host of ['payroll.corp.internal', 'no-such.corp.internal']) {
        const said = await inside(...proxy, '--proxy-user', user, `http://${host}/`);
        answers.add(said.stdout.replaceAll(/[0-9a-f]{32}/g, 'TRACE'));
        t.equal((await inside(...socks, '--proxy-user', user, `http://${host}/`)).code, 97);
      }
      t.equal(answers.size, 1, 'P12');
      t.match([...answers][0], /"code":"not-allowed"[\s\S]*\n403$/);
      for (const place of ['postern', 'wiki']) {
        const said = await inside('--header', `Host: ${place}.localhost:${port}`, `http://${net.address}:${port}/`);
        t.match(said.stdout, /"code":"local-refused"/);
      }
      t.match((await inside(...proxy, 'http://wiki.corp.internal/')).stdout, /\n407$/);
      t.match((await inside(...proxy, '--proxy-user', `${name}:wrong`, 'http://wiki.corp.internal/')).stdout, /\n407$/);
      t.equal((await inside(...socks, '--proxy-user', `${name}:wrong`, 'http://wiki.corp.internal/')).code, 97);
      t.not((await inside(`http://127.0.0.1:${port}/`)).code, 0, "the container's own loopback");
      t.match((await run('logs')).stdout, /refused a proxy login.*wrong password/);
    });

    t.test('another user gets nothing from any local port, with the password or without', async (t) => {
      const tcp = await connectApp(t, profile, 'echo');
      const asNobody = (...args: string[]) =>
        runTool('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'curl', ...curlArgs, ...args], {
          cwd: '/',
        });
      const local = `127.0.0.1:${port}`;
      for (const [way, ...args] of [
        ['portal', '--header', `Host: postern.localhost:${port}`, `http://${local}/`],
        ['PAC file', '--header', `Host: postern.localhost:${port}`, `http://${local}/.postern-local/proxy.pac`],
        ['app', '--header', `Host: wiki.localhost:${port}`, `http://${local}/`],
        ['HTTP proxy', '--proxy', `http://${local}`, '--proxy-user', user, 'http://wiki.corp.internal/'],
        [
          'HTTP proxy by CONNECT',
          '--proxy',
          `http://${local}`,
          '-p',
          '--proxy-user',
          user,
          'http://wiki.corp.internal/',
        ],
        ['SOCKS', '--socks5-hostname', `127.0.0.1:${socksPort}`, '--proxy-user', user, 'http://wiki.corp.internal/'],
        ['bridge', ...proxy, '--proxy-user', user, 'http://wiki.corp.internal/'],
        ['local port', `telnet://127.0.0.1:${tcp}`],
        ['control socket', '--unix-socket', join(profile, 'agent.sock'), 'http://agent/v1/status'],
      ] as const) {
        const said = await asNobody(...args);
        const isNothing = said.code !== 0 || said.stdout === '\n000';
        t.ok(isNothing || /"code":"local-refused"[\s\S]*\n403$/.test(said.stdout), `${way}: ${said.stdout}`);
        t.notMatch(said.stdout, /emil|Hello|HELLO/i, way);
      }
      t.not(
        (
          await runTool('setpriv', ['--reuid=65534', '--clear-groups', 'cat', join(profile, 'clients.json')], {
            cwd: '/',
          })
        ).code,
        0,
      );
    });

    t.test('its name is seen here and nowhere else', async (t) => {
      await run('client', 'add', 'payer', '--app', 'payroll', '--file', join(secrets, 'payer'));
      const login = `payer:${passwordOf('payer')}`;
      const said = await inside(...proxy, '--proxy-user', login, '-X', 'POST', 'http://payroll.corp.internal/nowhere');
      t.match(said.stdout, /\n40[0-9]$/);
      const status = await run('status');
      t.match(status.stdout, new RegExp(`client: +${name} for echo, live, wiki: used .*, \\d+ open`));
      t.match((await run('why')).stdout, /payroll \(client payer\): POST payroll\.corp\.internal\/nowhere/);
      const { records } = await triangle.admin.records({ query: { limit: 200 } });
      t.ok(records.some(({ app }) => app === 'wiki'));
      t.notMatch(JSON.stringify(records), new RegExp(`${name}|payer`));
      for (const log of ['controller', 'gateway', 'apps']) t.notMatch(triangle.logOf(log), new RegExp(name), log);
      t.notOk(triangle.logOf('agent-emil').includes(passwordOf(name)));
    });

    t.test('taken back, it is cut while it runs and gets no further', async (t) => {
      const [program, ...args] = net.command(
        'curl',
        '-sS',
        '-N',
        ...proxy,
        '--proxy-user',
        user,
        'http://live.corp.internal/clock',
      );
      const stream = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      await once(stream.stdout, 'data');
      stream.stdout.resume();
      const ended = once(stream, 'exit');
      const removed = await run('client', 'remove', name);
      t.match(removed.stdout, /is removed; 1 of its connections ended/);
      const [code] = await ended;
      t.not(code, 0, 'curl says that it was cut');
      t.match((await inside(...proxy, '--proxy-user', user, 'http://wiki.corp.internal/')).stdout, /\n407$/);
      await run('client', 'remove', 'payer');
      t.not(
        (await inside(...proxy, '--proxy-user', user, 'http://wiki.corp.internal/')).code,
        0,
        'without clients nobody is asked',
      );
    });
  },
);

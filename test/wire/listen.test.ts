import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { listenTcp, listenUnix } from '#shared/wire/listen.ts';
import { root } from '../support/source-tree.ts';

t.test('a taken port names its owner', async (t) => {
  const first = createServer();
  t.teardown(() => first.close());
  const { port } = await listenTcp(first, { host: '127.0.0.1', port: 0 });
  const message = process.platform === 'linux' ? new RegExp(`taken by .*\\(process ${process.pid}\\)`) : /taken by/;
  await t.rejects(listenTcp(createServer(), { host: '127.0.0.1', port }), { code: 'conflict', message });
  const app = createEdgeApp({ log: silentLog });
  t.teardown(() => app.close());
  await t.rejects(listenTcp(app, { host: '127.0.0.1', port }), { code: 'conflict', message });
  await t.rejects(listenTcp(createServer(), { host: '203.0.113.1', port: 0 }), { code: 'invalid-config' });
});

t.test('P6 a Unix socket is private, and a dead file gives way', async (t) => {
  // Not below t.testdir: the path of a socket holds 107 bytes at most.
  const dir = mkdtempSync(join(tmpdir(), 'postern-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'admin.sock');
  // A process that is killed leaves its socket file behind.
  const child = spawn(process.execPath, [
    '-e',
    'require("net").createServer().listen(process.argv[1], () => console.log(1))',
    path,
  ]);
  await once(child.stdout, 'data');
  const app = createEdgeApp({ log: silentLog });
  await t.rejects(listenUnix(app, path), { code: 'conflict', message: /already listening/ });
  child.kill('SIGKILL');
  await once(child, 'close');
  t.ok(lstatSync(path).isSocket());

  const umask = process.umask();
  await listenUnix(app, path);
  t.equal(process.umask(), umask);
  t.equal(lstatSync(path).mode & 0o777, 0o600);
  const call = request({ socketPath: path, path: '/nowhere' }).end();
  const [response] = await once(call, 'response');
  t.equal(response.statusCode, 404);
  response.resume();
  await app.close();

  const file = join(dir, 'file');
  writeFileSync(file, 'precious');
  await t.rejects(listenUnix(createServer(), file), { code: 'conflict', message: /not a socket/ });
  t.ok(lstatSync(file).isFile());
});

t.test(
  'P30: a port of another user names that user, whose processes are closed to us',
  { skip: (process.platform !== 'linux' || process.getuid?.() !== 0) && 'needs Linux and root to act as another user' },
  async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const code = `import { describePortOwner } from '#shared/wire/port-owner.ts';
process.seteuid(65534);
console.log(await describePortOwner(${port}));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
    });
    t.equal(stdout, 'a program of the user root\n');
  },
);

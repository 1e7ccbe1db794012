/** `kill -9` of the quickstart leaves nothing behind: its processes see its death and stop as they do at Ctrl-C. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { root } from '../support/source-tree.ts';

t.test('a child whose parent was killed stops in order', async (t) => {
  const processes = pathToFileURL(join(root, 'deploy/quickstart/processes.ts')).href;
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const dir = t.testdir({
    'child.mjs': `
      import { connect } from 'node:net';
      const socket = connect(${port}, '127.0.0.1');
      socket.write('up\\n');
      process.once('SIGTERM', () => socket.end('stopping\\n'));`,
    'parent.mjs': `
      import { Processes } from '${processes}';
      const started = new Processes(() => {});
      started.start({ name: 'child', args: [process.argv[2] + '/child.mjs'], logFile: process.argv[2] + '/log' });`,
  });
  const parent = spawn(process.execPath, [join(dir, 'parent.mjs'), dir], { stdio: 'inherit' });
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.setEncoding('utf8');
  let said = '';
  socket.on('data', (text: string) => {
    said += text;
    if (said === 'up\n') parent.kill('SIGKILL');
  });
  await once(socket, 'end');
  t.equal(said, 'up\nstopping\n');
});

t.test('a child that has nothing left to do ends before its parent', async (t) => {
  const { run } = await import('../../deploy/quickstart/processes.ts');
  const dir = t.testdir({ 'child.mjs': `console.log('done')` });
  t.equal(await run({ name: 'child', args: [join(dir, 'child.mjs')], logFile: join(dir, 'log') }), 'done\n');
});

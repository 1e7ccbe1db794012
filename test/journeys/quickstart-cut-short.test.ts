/** First starts that do not go well: cut short, or in a directory that holds something else. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { portNames } from '../../deploy/quickstart/ports.ts';
import { npmStart, paste } from '../support/journey-npm-start.ts';
import { privateDir } from '../support/journey-tools.ts';
import { descendantsOf, isAlive } from '../support/process-tree.ts';
import { needs } from '../support/programs.ts';
import { root } from '../support/source-tree.ts';
import { freeRange } from '../support/triangle.ts';

t.test('a first start that was cut short begins anew', needs('npm'), async (t) => {
  const dir = privateDir(t, 'short');
  const place = ['--dir', dir, '--port-base', String(await freeRange(portNames.length)), '--json'];
  const child = spawn('npm', ['--silent', 'start', '--', ...place], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('joining a gateway')) resolve();
    });
  });
  const pids = descendantsOf(child.pid!);
  const exit = once(child, 'exit');
  process.kill(-child.pid!, 'SIGINT');
  await exit;
  // A command under way (joining, enrolling) ends when it sees that its parent is gone, a moment after it.
  await untilItWorks(async () => {
    if (pids.some(isAlive)) throw new Error('something is left of it');
  }, 10_000);
  t.same(pids.filter(isAlive), [], 'nothing is left of it');
  const again = await npmStart(t, /\n/, ...place);
  t.match(JSON.parse(again.printed), { ready: true });
});

t.test('a directory with something else of the same name is left alone', needs('npm'), async (t) => {
  const dir = privateDir(t, 'other');
  mkdirSync(`${dir}/controller`);
  writeFileSync(`${dir}/controller/mine.txt`, 'precious');
  const ran = await paste(`npm --silent start -- --dir ${dir} --port-base ${await freeRange(portNames.length)}`);
  t.equal(ran.code, 1);
  t.match(ran.stderr, 'is there already: give another --dir');
  t.equal(readFileSync(`${dir}/controller/mine.txt`, 'utf8'), 'precious');
});

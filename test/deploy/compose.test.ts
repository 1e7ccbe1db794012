/** The container files are held to a validator and to the tree; no engine runs them here. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/source-tree.ts';

/** Two programs, one command; a `docker` may be there without its plugin. */
const composes = [['docker-compose'], ['docker', 'compose']];
const compose = composes.find(([name = '', ...words]) => spawnSync(name, [...words, 'version']).status === 0);
const missing = compose === undefined && process.env['POSTERN_TEST_REQUIRE'] !== 'all';

t.test('docker-compose.yml is valid', { skip: missing ? 'docker-compose is not installed' : false }, async (t) => {
  const [name = '', ...words] = compose ?? composes[0]!;
  const env = { ...process.env, POSTERN_HOST: 'postern.example' };
  const { status, stderr } = spawnSync(name, [...words, 'config', '-q'], { cwd: root, env, encoding: 'utf8' });
  t.equal(status, 0, stderr);
});

t.test('the Dockerfile copies what is there, and all that the commands need', async (t) => {
  const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) => names!.split(' '));
  for (const name of copied) t.ok(existsSync(join(root, name)), `${name} is there`);
  for (const name of ['shared', 'controller', 'gateway', 'client-agent', 'bin', 'deploy'])
    t.ok(copied.includes(name), name);
});

t.test('the entry scripts are valid shell', async (t) => {
  for (const name of ['controller.sh', 'gateway.sh']) {
    t.equal(spawnSync('sh', ['-n', join(root, 'deploy/compose', name)]).status, 0, name);
  }
});

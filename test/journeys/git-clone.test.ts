/** git as a program that knows nothing of Postern: over the agent's HTTP proxy, and at the app's local name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { startTriangle } from '../support/triangle.ts';

t.test('git clone of the handbook', needs('git'), async (t) => {
  const { portalPort } = await startTriangle(t);
  const port = portalPort('emil');
  const dir = privateDir(t, 'git');
  const env = { HOME: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', no_proxy: '', NO_PROXY: '' };
  const git = (...args: string[]) => runTool('git', args, { env, cwd: dir });
  const subjects = ['Say what to do on the first day', 'Start the handbook'];

  const checkClone = async (t: Test, name: string) => {
    t.match(readFileSync(join(dir, name, 'README.md'), 'utf8'), '# Handbook');
    const log = await git('-C', name, 'log', '--format=%s');
    t.same(log.stdout.trim().split('\n'), subjects);
    t.equal((await git('-C', name, 'fsck', '--strict')).code, 0);
  };

  t.test('by its real name, through the HTTP proxy of the agent', async (t) => {
    const proxy = `http.proxy=http://127.0.0.1:${port}`;
    const ran = await git('clone', '-q', '-c', proxy, 'http://wiki.corp.internal/git/handbook.git', 'by-proxy');
    t.equal(ran.code, 0, ran.stderr);
    await checkClone(t, 'by-proxy');
    t.equal((await git('-C', 'by-proxy', 'fetch', '-q')).code, 0, 'and fetches from there again');
  });

  t.test('by its local name, through the reverse proxy', async (t) => {
    const ran = await git('clone', '-q', `http://wiki.localhost:${port}/git/handbook.git`, 'by-name');
    t.equal(ran.code, 0, ran.stderr);
    await checkClone(t, 'by-name');
  });

  t.test('what the app does not have is not found, in its own words', async (t) => {
    const ran = await git('clone', '-q', `http://wiki.localhost:${port}/git/other.git`, 'other');
    t.not(ran.code, 0);
    t.match(ran.stderr, /not found/i);
  });
});

/** The verifier as whoever gets a proof runs it: what was not judged is not called false, and every message names the file that is there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { packVerifier, verifierMain } from '#shared/log/pack-verifier.ts';

t.test('a file or key that cannot be read ends with 2, and is no verdict', async (t) => {
  const dir = t.testdir({ 'not-a-proof': 'x' });
  for (const { path, text } of packVerifier()) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [verifierMain, ...args], { cwd: dir, encoding: 'utf8' });
    return { status, stderr };
  };
  const key = 'postern.srv/log/1+848fbd65+AVL/cq62DABuwyKlw1antx8LjnZO4aE7+T20Gi1vFFBR';
  t.same(run('none', '--key', join(dir, 'none')), {
    status: 2,
    stderr: `--key ${join(dir, 'none')}: neither a public key of a log nor a file that holds one\n`,
  });
  t.same(run('none', '--key', key), { status: 2, stderr: 'none: there is no such file\n' });
  t.match(run('not-a-proof', '--key', key), { status: 1, stderr: /^Does not hold: / });
  t.match(run('not-a-proof', '--key', `${key}x`), { status: 2, stderr: /public key/ });
  t.match(run('not-a-proof'), { status: 2, stderr: new RegExp(`^Usage: node ${verifierMain} FILE`) });
});

t.test('making it says nothing that whoever asked for it cannot use', async (t) => {
  const source = join(import.meta.dirname, '../../shared/log/pack-verifier.ts');
  const script = `const { packVerifier } = await import(${JSON.stringify(source)}); packVerifier(); process.emitWarning('another');`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.match(stderr, /another/, 'other warnings are shown');
  t.notMatch(stderr, /stripTypeScriptTypes/);
});

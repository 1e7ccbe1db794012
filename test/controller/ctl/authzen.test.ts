import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../../support/source-tree.ts';
import { ctlOf } from '../support/run-ctl.ts';
import { runServices } from '../support/run-services.ts';

const vectors = join(root, 'test/vectors/authzen');

t.test('a policy store and its client by posternctl, from the directory to the answer and away again', async (t) => {
  const { ask, controller, url } = await runServices(t);
  const ctl = ctlOf(t, controller);
  const run = async (...args: string[]) => {
    const { code, out, err } = await ctl([...args, '--reason', 'test']);
    t.equal(code, 0, `${args.join(' ')}: ${err}`);
    return { out: out.trim(), err };
  };
  t.match(
    (await run('authzen', 'store', 'put', 'records', join(vectors, 'certification'))).out,
    'Version 1 of records is in force: 4 policies, 4 entities.',
  );
  t.match((await run('authzen', 'store', 'list')).out, `${url}/stores/records`);
  const { out: token, err } = await run('api-client', 'add', 'shop', '--scope', 'authzen:records', '--days', '7');
  t.match(token, /^postern_api_[\w-]{43}$/, 'alone on standard output');
  t.match(err, 'shown this once');
  const body = {
    subject: { type: 'user', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'r' },
  };
  const show = async (shown: string) =>
    (await ask('/stores/records/access/v1/evaluation', body, { token: shown })).status;
  t.equal(await show(token), 200);
  t.notMatch((await run('api-client', 'list')).out, token);
  t.match((await run('api-client', 'list')).out, /shop +authzen:records/);

  const dir = t.testdir();
  const file = join(dir, 'token');
  await run('api-client', 'rotate', 'shop', '--token-file', file);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(await show(readFileSync(file, 'utf8').trim()), 200);
  t.equal(await show(token), 401);
  const again = await ctl(['api-client', 'rotate', 'shop', '--token-file', file, '--reason', 'x']);
  t.equal(again.code, 1);
  t.match(again.err, 'is there already');
  t.equal(await show(readFileSync(file, 'utf8').trim()), 200, 'no token was made that nobody has');

  const bad = join(dir, 'bad');
  mkdirSync(join(bad, 'policies'), { recursive: true });
  writeFileSync(join(bad, 'policies', 'x.cedar'), 'permit (principal, action, resource) when { principal.nope };');
  writeFileSync(
    join(bad, 'schema.cedarschema'),
    'entity user; action read appliesTo { principal: user, resource: user };',
  );
  for (const verb of ['put', 'validate']) {
    const refused = await ctl(['authzen', 'store', verb, 'records', bad, '--reason', 'x']);
    t.equal(refused.code, 1);
    t.match(refused.err, /error: policies\/x\.cedar \(x#0\): .*nope/);
  }
  const out = join(dir, 'out');
  await run('authzen', 'store', 'show', 'records', '--to', out);
  t.equal(
    readFileSync(join(out, 'entities.json'), 'utf8'),
    readFileSync(join(vectors, 'certification/entities.json'), 'utf8'),
  );
  await run('authzen', 'store', 'put', 'records', join(vectors, 'examples'), '-m', 'other');
  await run('authzen', 'store', 'rollback', 'records', '1');
  t.match((await run('authzen', 'store', 'show', 'records', '--json')).out, '"version":3,"inForce":true');
  await run('authzen', 'store', 'remove', 'records');
  await run('api-client', 'remove', 'shop');
  t.match(
    (await ctl(['authzen', 'store', 'put', 'records', join(vectors, 'examples'), '--reason', 'x'])).err,
    'not used again',
  );
  t.match((await ctl(['api-client', 'add', 'none', '--reason', 'x'])).err, '--scope');
  t.match((await ctl(['authzen', 'store', 'put', 'x', dir, '--reason', 'x'])).err, '.cedar');
  t.match((await ctl(['status'])).out, `services (AuthZEN) at ${url}`);
});

/** `postern client`: with a running agent and without one. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeRig, runPostern } from './run-postern.ts';

t.test('with an agent: added, shown, removed', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const added = await rig.run('client add ci --app wiki --app echo --expires 12h');
  t.equal(added.code, 0, added.err);
  t.match(added.out, /^Client ci reaches echo, wiki and ends in 11 h\.\npassword: [\w-]{43} {3}\(not shown again\)\n/);
  t.match(added.out, /Take it back: postern client remove ci --dir /);
  const password = /password: (\S+)/.exec(added.out)![1]!;
  const kept = readFileSync(join(rig.directory, 'clients.json'), 'utf8');
  t.notOk(kept.includes(password), 'kept as a hash only');
  t.equal(statSync(join(rig.directory, 'clients.json')).mode & 0o777, 0o600);

  t.match((await rig.run('client')).out, /ci\s+echo wiki\s+\S.*\s+in 11 h/);
  t.match((await rig.run('status')).out, /client:\s+ci for echo, wiki: not used since the agent was started, 0 open/);
  t.match(JSON.parse((await rig.run('client list --json')).out), {
    clients: [{ name: 'ci', expired: false, open: 0 }],
  });
  t.notMatch((await rig.run('client list --json')).out, /hash|key/);

  const twice = await rig.run('client add ci --app wiki');
  t.equal(twice.code, 1);
  t.match(twice.err, /There is a client ci already/);
  t.match((await rig.run('client add cd --app nix')).err, /You have no app called nix/);
  t.match((await rig.run('client add cd')).err, /--app wiki/);
  t.match((await rig.run('client add cd --app wiki --expires soon')).err, /30m, 12h or 30d/);
  t.match((await rig.run('client add A:b --app wiki')).err, /./);
  t.equal((await rig.run('client remove ci')).out, 'The client ci is removed.\n');
  t.match((await rig.run('client remove ci')).err, /There is no client ci/);
});

t.test('a new client comes with a line to try, by the name that the proxy knows the app by', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  t.match(
    (await rig.run('client add ci --app wiki')).out,
    /^try: curl -x http:\/\/ci:PASSWORD@\S+ http:\/\/wiki\.corp\.internal\/$/m,
  );
});

t.test('the password goes to a new file of 0600, or to nobody', async (t) => {
  const rig = await makeRig(t);
  const file = join(rig.directory, 'secret');
  const added = await rig.run(`client add ci --app wiki --file ${file} --json`);
  t.match(JSON.parse(added.out), { client: { name: 'ci' }, file });
  t.notMatch(added.out, /password/);
  t.match(readFileSync(file, 'utf8'), /^[\w-]{43}\n$/);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.match((await rig.run(`client add cd --app wiki --file ${file}`)).err, /there is one already/);
  t.notMatch((await rig.run('client list')).out, /cd/);
  const other = join(rig.directory, 'other');
  t.equal((await rig.run(`client add ci --app wiki --file ${other}`)).code, 1);
  t.notOk(existsSync(other), 'no file without a client');
});

t.test('without an agent: the profile itself, under its lock', async (t) => {
  const directory = join(t.testdir(), 'profile');
  mkdirSync(directory, { mode: 0o700 });
  const run = (...args: string[]) => runPostern(['client', ...args, '--dir', directory]);
  t.match((await run('list')).err, /postern enrol/, 'only of an enrolled one');
  writeFileSync(join(directory, 'enrolment.json'), '{}', { mode: 0o600 });
  t.match(JSON.parse((await run('add', 'ci', '--app', 'wiki', '--json')).out), {
    password: /^[\w-]{43}$/,
    addresses: [],
  });
  t.match((await run('list')).out, /ci\s+wiki/);
  writeFileSync(join(directory, 'agent.lock'), JSON.stringify({ pid: process.pid, started: '' }), { mode: 0o600 });
  t.match((await run('remove', 'ci')).err, new RegExp(`process ${process.pid} already runs`));
  writeFileSync(join(directory, 'agent.lock'), '', { mode: 0o600 });
  t.equal((await run('remove', 'ci')).code, 0);
  writeFileSync(join(directory, 'clients.json'), '{"v":1,"clients":[{}]}', { mode: 0o600 });
  t.match((await run('list')).err, /clients\.json is damaged[\s\S]*remove it/);
});

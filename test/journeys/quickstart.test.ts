/** `npm start` as a newcomer meets it: what it prints, what of that works when pasted, how it stops, what it remembers. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { currentTotp } from '#shared/crypto/totp.ts';
import { agentClient } from '../../deploy/quickstart/clients.ts';
import { portNames } from '../../deploy/quickstart/ports.ts';
import { npmStart, paste } from '../support/journey-npm-start.ts';
import { privateDir } from '../support/journey-tools.ts';
import { descendantsOf, isAlive } from '../support/process-tree.ts';
import { needs } from '../support/programs.ts';
import { freeRange, type Ready } from '../support/triangle.ts';

t.test('npm start', needs('npm', 'curl', 'sh'), async (t) => {
  const dir = privateDir(t, 'start');
  const base = await freeRange(portNames.length);
  const place = ['--dir', dir, '--port-base', String(base)];
  const first = await npmStart(t, /Ctrl-C stops everything.*\n/, ...place);
  t.comment(/Postern is up .*?\)/.exec(first.printed)?.[0]);
  const commands = [...first.printed.matchAll(/^ {2}(\d)\. .+\n {5}(\S.*)$/gm)].map(([, , command]) => command!);
  const password = /Emil Employee[\s\S]*?password (\S+)/.exec(first.printed)?.[1];

  t.test('the five things it says to try work when pasted', async (t) => {
    t.equal(commands.length, 5, first.printed);
    const [greeting, payroll, refused, cut, log] = commands as [string, string, string, string, string];
    t.match((await paste(greeting)).stdout, 'Welcome to the wiki.');
    t.match((await paste(payroll)).stdout, /^month,employee,name,/);
    const problem = JSON.parse((await paste(refused)).stdout) as { trace: string };
    t.match(problem, { status: 403, code: 'not-allowed', trace: /^[0-9a-f]{32}$/ });
    const stream = await paste(cut);
    t.match(stream.stdout, /data:/, 'the clock ticked');
    t.match(stream.stdout, /gw-main/, 'and the gateway that cut it is named');
    const seen = await paste(log);
    t.equal(seen.code, 0, seen.stderr);
    for (const word of ['wiki', 'payroll', 'stream-cut']) t.match(seen.stdout, word);
  });

  t.test('--code gives what the authenticator app would show', async (t) => {
    const { stdout } = await paste(`npm --silent start -- --dir ${dir} --code emil`);
    const state = JSON.parse(readFileSync(`${dir}/quickstart.json`, 'utf8'));
    const now = Date.now();
    const codes = [now, now - 30_000].map((at) => currentTotp(state.people.emil.totpSecret, at));
    t.ok(codes.includes(stdout.trim()), stdout);
    const nobody = await paste(`npm --silent start -- --dir ${dir} --code nobody`);
    t.equal(nobody.code, 1);
    t.match(nobody.stderr, /there is no nobody/);
  });

  t.test('a second one on the same ports says which port is taken, and makes nothing', async (t) => {
    const other = privateDir(t, 'second');
    const ran = await paste(`npm --silent start -- --dir ${other}/new --port-base ${base}`);
    t.equal(ran.code, 1);
    t.match(ran.stderr, new RegExp(`port ${base} \\(bootstrap\\) is in use`));
    t.notOk(existsSync(`${other}/new/controller`));
  });

  t.test('one taken port in the middle is named too', async (t) => {
    const free = await freeRange(portNames.length);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(free + 6, '127.0.0.1', resolve));
    const ran = await paste(`npm --silent start -- --dir ${dir}/third --port-base ${free}`);
    server.close();
    t.equal(ran.code, 1);
    t.match(ran.stderr, new RegExp(`port ${free + 6} \\(employeePortal\\) is in use`));
  });

  t.test('Ctrl-C stops everything', async (t) => {
    const pids = descendantsOf(first.child.pid!);
    // npm's shell, the quickstart, controller, gateway, three agents, the apps; the gateway's workers on top.
    t.ok(pids.length >= 7, `${pids.length} processes`);
    await first.ctrlC();
    t.same(pids.filter(isAlive), []);
  });

  t.test('the next start finds everything as it was', async (t) => {
    const second = await npmStart(t, /\n/, ...place, '--json');
    const ready = JSON.parse(second.printed) as Ready;
    t.match(ready, { ready: true, dir, readyMs: Number, adminSocket: `${dir}/controller/admin.sock` });
    t.same(Object.keys(ready.ports).sort(), [...portNames].sort());
    t.same(Object.keys(ready.people).sort(), ['audrey', 'emil', 'olivia']);
    t.match(ready.people.emil, { name: 'Emil Employee', role: 'employee', password, totpSecret: /^[A-Z2-7]{32}$/ });
    t.comment(`ready after ${ready.readyMs} ms`);
    // His session was revoked before: he was signed in again with what is remembered.
    const { state } = await agentClient(ready.people.emil.agentSocket).status({});
    t.equal(state.session.signedIn, true);
    t.match((await paste(commands[0]!)).stdout, 'Welcome to the wiki.');
    const pids = descendantsOf(second.child.pid!);
    await second.ctrlC();
    t.same(pids.filter(isAlive), []);
  });
});

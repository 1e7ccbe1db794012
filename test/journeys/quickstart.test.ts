/** `npm start` as a newcomer meets it: what it prints, what of that works when pasted, how it stops, what it remembers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { currentTotp } from '#shared/crypto/totp.ts';
import { agentClient } from '../../deploy/quickstart/clients.ts';
import { portNames } from '../../deploy/quickstart/ports.ts';
import { needs, privateDir, runTool } from '../support/journey-tools.ts';
import { descendantsOf, isAlive } from '../support/process-tree.ts';
import { root } from '../support/source-tree.ts';
import { freeRange, type Ready } from '../support/triangle.ts';

interface Started {
  readonly child: ChildProcess;
  readonly printed: string;
  /** As a terminal does it: to the whole group. Resolves when npm has ended. */
  ctrlC(): Promise<void>;
}

/** In a group of its own, until `standard output` shows `until`. */
async function npmStart(t: Test, until: RegExp, ...args: string[]): Promise<Started> {
  const child = spawn('npm', ['--silent', 'start', '--', ...args], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const ctrlC = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGINT');
    await exit;
  };
  t.teardown(ctrlC);
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  let printed = '';
  const shown = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (until.test(printed)) resolve();
    });
  });
  await Promise.race([shown, exit.then(() => Promise.reject(new Error(`it ended:\n${said.join('')}`)))]);
  return { child, printed, ctrlC };
}

const paste = (command: string) => runTool('sh', ['-c', command]);

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

t.test('npm start -- --journey', needs('npm'), async (t) => {
  const ran = await runTool('npm', ['--silent', 'start', '--', '--journey', '--json']);
  t.equal(ran.code, 0, ran.stderr);
  const steps = ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: string; ok: boolean; ms: number });
  t.equal(steps.length, 10);
  for (const { step, ok, ms } of steps) t.ok(ok, `${step} (${ms} ms)`);
});

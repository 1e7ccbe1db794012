/** OpenSSH to an OpenSSH server that no network reaches, by `ProxyCommand postern ssh-proxy`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { addTcpApp, freePort, postern, startProgram, untilItListens } from '../support/journey-servers.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { findProgram, needs } from '../support/programs.ts';
import { startTriangle } from '../support/triangle.ts';

/** A server with a host key, a port and a list of keys of its own; nobody has a password. */
async function startSshServer(t: Test, dir: string): Promise<number> {
  const at = (name: string) => join(dir, name);
  for (const name of ['host', 'client']) {
    await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  }
  const port = await freePort();
  writeFileSync(
    at('sshd.conf'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('client.pub')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'PidFile none',
    ].join('\n'),
  );
  // Where packages start it at boot this directory exists; sshd as root does without nothing else.
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  const { said } = startProgram(t, findProgram('sshd')!, ['-D', '-e', '-f', at('sshd.conf')]);
  await untilItListens(port, said);
  return port;
}

t.test('ssh through postern ssh-proxy', needs('ssh', 'sshd', 'ssh-keygen'), async (t) => {
  const triangle = await startTriangle(t);
  const { admin, agents, ready } = triangle;
  const dir = privateDir(t, 'ssh');
  const upstreamPort = await startSshServer(t, dir);
  await addTcpApp(triangle, { id: 'build', port: 22, upstreamPort });
  const sshArgs = (person: 'emil' | 'olivia', command: string) => [
    '-F',
    'none',
    '-o',
    `ProxyCommand=${postern} ssh-proxy %h --dir ${ready.people[person].profile}`,
    '-o',
    `UserKnownHostsFile=${join(dir, 'known-hosts')}`,
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'BatchMode=yes',
    '-i',
    join(dir, 'client'),
    `${userInfo().username}@build`,
    command,
  ];

  t.test('a command runs there, and its exit code comes back', async (t) => {
    const ran = await runTool('ssh', sshArgs('emil', 'echo "I am $((6 * 7))"; cat; exit 3'), { input: 'typed here\n' });
    t.equal(ran.stdout, 'I am 42\ntyped here\n', ran.stderr);
    t.equal(ran.code, 3, ran.stderr);
  });

  t.test('some MB in both directions arrive as they were', async (t) => {
    const input = 'All work and no play makes Jack a dull boy.\n'.repeat(100_000);
    const ran = await runTool('ssh', sshArgs('emil', 'cat'), { input });
    t.ok(ran.stdout === input, `${ran.stdout.length} of ${input.length} characters: ${ran.stderr}`);
    t.equal(ran.code, 0);
  });

  t.test('olivia is no engineer: ssh says that it was refused', async (t) => {
    const ran = await runTool('ssh', sshArgs('olivia', 'echo here'));
    t.equal(ran.code, 255);
    t.equal(ran.stdout, '');
    t.match(ran.stderr, /postern ssh-proxy: You (may not use this|have no app called build)/);
  });

  t.test('a session outlives its first grant, and a revocation of the device ends it', async (t) => {
    const child = spawn('ssh', sshArgs('emil', 'echo ready; while read line; do echo "got $line"; done'), {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const said: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const next = async () => String((await once(child.stdout, 'data'))[0]);
    t.equal(await next(), 'ready\n');
    const grants = async () => (await admin.grants({})).items.filter(({ app }) => app === 'build');
    const first = Math.max(...(await grants()).map(({ issuedAt }) => issuedAt));
    // Grants of this app last 5 s, and a stream may go on for 5 s after its last one.
    await untilItWorks(async () => {
      if (!(await grants()).some(({ issuedAt }) => issuedAt > first + 10_000)) throw new Error('not renewed yet');
    });
    child.stdin.write('still here\n');
    t.equal(await next(), 'got still here\n', said.join(''));
    const { device } = (await agents.emil.status({})).state;
    const exit = once(child, 'exit');
    const report = await admin.revoke({ body: { kind: 'device', id: device.id, because: 'lost in a train' } });
    t.ok(report.complete);
    t.ok(report.gateways[0]!.streamsCut >= 1, 'the gateway says that it cut a stream');
    t.equal((await exit)[0], 255, 'ssh ends by itself');
  });
});

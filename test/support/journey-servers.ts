/** Real servers behind the gateway: started on a port of their own, ended with the test. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { findProgram } from './programs.ts';
import { root } from './source-tree.ts';
import type { RunningTriangle } from './triangle.ts';

export const postern = `${root}/bin/postern`;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A program that stays; killed with the test. Its words on standard error are in `said`. */
export function startProgram(
  t: Test,
  program: string,
  args: readonly string[],
  options: SpawnOptions & { readonly signal?: undefined; readonly end?: NodeJS.Signals } = {},
): { readonly child: ChildProcess; readonly said: () => string } {
  const { end = 'SIGTERM', ...rest } = options;
  const child = spawn(findProgram(program) ?? program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...rest });
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(end);
    await exit;
  });
  return { child, said: () => said.join('') };
}

/** Resolves when something takes connections there. */
export async function untilItListens(port: number, said: () => string): Promise<void> {
  try {
    await untilItWorks(
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => {
            socket.destroy();
            resolve();
          });
          socket.once('error', reject);
        }),
    );
  } catch (cause) {
    throw new Error(`nothing listens on ${port}:\n${said()}`, { cause });
  }
}

/** A TCP app that engineers may connect to, at a port of this machine. */
export async function addTcpApp(
  { admin, agents }: RunningTriangle,
  app: { readonly id: string; readonly port: number; readonly upstreamPort: number },
): Promise<void> {
  const { id, port, upstreamPort } = app;
  await admin.putApp({
    params: { id },
    body: {
      id,
      name: id,
      kind: 'tcp',
      site: 'main',
      host: `${id}.corp.internal`,
      port,
      upstream: `127.0.0.1:${upstreamPort}`,
      grantSeconds: 5,
    },
  });
  const { files } = await admin.policy({ query: {} });
  const text = `permit (principal in Group::"engineers", action == Action::"connect", resource == App::"${id}")
when { context.session.secondFactor };\n`;
  await admin.publishPolicy({ body: { files: [...files, { id, text }], message: `Engineers connect to ${id}` } });
  await untilItWorks(async () => {
    const { apps } = await agents.emil.apps({});
    if (!apps.some((listed) => listed.id === id && listed.usable)) throw new Error(`${id} is not usable yet`);
  });
}

/** `postern connect <app>`: resolves with its local port. */
export async function connectApp(t: Test, profile: string, app: string): Promise<number> {
  const args = ['connect', app, '--dir', profile, '--json'];
  const { child, said } = startProgram(t, postern, args, { end: 'SIGINT' });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`postern connect ended: ${said()}`)));
  ended.catch(() => {});
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), ended])) as [string];
  return (JSON.parse(line) as { port: number }).port;
}

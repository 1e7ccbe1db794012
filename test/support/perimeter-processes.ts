/** Controller, gateway, app and agents as real processes in the hosts of `perimeter-hosts.ts`. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoorMode } from '#shared/contracts/knock.ts';
import {
  type AdminClient,
  type AgentClient,
  adminClient,
  agentClient,
  untilItWorks,
} from '../../deploy/quickstart/clients.ts';
import { setFirstFactors } from '../../deploy/quickstart/set-up.ts';
import type { SampleUser } from '../../deploy/quickstart/state.ts';
import { httpApp } from './gateway-apps.ts';
import { mustRun, type NamespaceHost } from './namespace-host.ts';
import { addresses, appAddress, type HostName, type Perimeter } from './perimeter-hosts.ts';
import { root } from './source-tree.ts';

export interface ProcessOptions {
  readonly door?: DoorMode;
  /** `POSTERN_*` variables besides. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of the state in the host's directory, `state` unless told: for a second agent on a host. */
  readonly state?: string;
  /** Stands before the command: `setpriv ... --`. */
  readonly before?: string;
}

export interface RunningProcess {
  readonly host: NamespaceHost;
  readonly dir: string;
  /** All that it has said, on both streams. */
  said(): string;
  /** Process id as its host sees it. */
  pid(): Promise<number>;
  /** With a signal; resolves when it is gone. */
  stop(signal?: 'TERM' | 'KILL'): Promise<void>;
  /** Starts it again, with other options if need be; resolves when it serves. */
  start(options?: ProcessOptions): Promise<void>;
}

interface Program {
  readonly host: NamespaceHost;
  readonly dir: string;
  /** Its command line, and how it shows when it serves. */
  readonly command: string;
  readonly isReady: (said: string) => boolean;
  readonly env: Readonly<Record<string, string>>;
}

const variables = (all: Readonly<Record<string, string>>) =>
  Object.entries(all)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ');

async function runProgram({ t }: Perimeter, program: Program, first: ProcessOptions): Promise<RunningProcess> {
  const { host, dir, command, isReady } = program;
  let child: ChildProcess | undefined;
  let said = '';
  let options = first;
  const pidFile = join(dir, 'pid');
  const stop = async (signal = 'TERM') => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const closed = once(running, 'close');
    await host.run(`kill -${signal} $(cat ${pidFile})`);
    await closed;
  };
  const start = async (next: ProcessOptions = options) => {
    options = next;
    const { door, env, before = '' } = next;
    const all = { ...program.env, ...(door === undefined ? {} : { POSTERN_DOOR: door }), ...env };
    said = '';
    // `exec` keeps the process id that is written down.
    child = host.start(`echo $$ >${pidFile}; exec ${before} env ${variables(all)} ${command}`);
    const running = child;
    for (const stream of [running.stdout!, running.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = once(running, 'close').then(([code]) => {
      throw new Error(`${command} ended with ${code}:\n${said}`);
    });
    ended.catch(() => {});
    await Promise.race([
      ended,
      untilItWorks(
        async () => {
          if (!isReady(said)) throw new Error(`${command} is not ready:\n${said}`);
        },
        60_000,
        () => running.exitCode === null && running.signalCode === null,
      ),
    ]);
  };
  t.teardown(() => stop('KILL'));
  await start();
  const pid = async () => Number(await mustRun(host, `cat ${pidFile}`));
  return { host, dir, said: () => said, pid, stop, start };
}

const stateOf = (host: NamespaceHost, name = 'state'): string => {
  const dir = join(host.dir, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
};
const bin = (name: string) => join(root, 'bin', name);
/** Compiled once for all of them. */
const shared = { NODE_COMPILE_CACHE: '/tmp/postern-test-cache', POSTERN_NODE: process.execPath };

export interface RunningController extends RunningProcess {
  readonly admin: AdminClient;
  /** Of the owner `olga`. */
  readonly invitation: string;
}

export interface ControllerOptions extends ProcessOptions {
  /** Name or address by which it is reached; its IPv4 address unless told. */
  readonly name?: string;
}

/** Made and started: organisation "Sample", owner `olga`, site `main`, IPv4 and IPv6. */
export async function startController(
  world: Perimeter,
  { name = addresses.controller.ipv4, ...options }: ControllerOptions = {},
): Promise<RunningController> {
  const host = world.controller;
  const dir = stateOf(host);
  const env = { ...shared, POSTERN_DIR: dir, POSTERN_LISTEN_HOST: '::', HOME: host.dir };
  const init = `init --organisation Sample --trust-domain sample.internal --owner olga --address ${name}`;
  const door = { POSTERN_DOOR: options.door ?? 'none' };
  const invitation = await mustRun(host, `env ${variables({ ...env, ...door })} ${bin('postern-controller')} ${init}`);
  const isReady = (said: string) => said.includes('"ready":true');
  const command = `${bin('postern-controller')} run --json`;
  const running = await runProgram(world, { host, dir, command, isReady, env }, options);
  return { ...running, admin: adminClient(join(dir, 'admin.sock'), 'test'), invitation: invitation.trim() };
}

export interface GatewayOptions extends ProcessOptions {
  /** 0 unless told: everything in one process. */
  readonly workers?: number;
  /** The host that carries it: the controller's, for both on one. */
  readonly on?: 'gateway' | 'controller';
  /** Name or address by which it is reached; its IPv4 address unless told. */
  readonly name?: string;
  /** By which agents reach it; 8444 unless told. */
  readonly port?: number;
}

/** Joined as `gw-main` and serving, with the app `wiki` behind it, which everybody signed in may use. */
export async function startGateway(
  world: Perimeter,
  { admin }: RunningController,
  { workers = 0, on = 'gateway', name = addresses[on].ipv4, port = 8444, ...options }: GatewayOptions = {},
): Promise<RunningProcess> {
  const host = world[on];
  const dir = stateOf(host, on === 'gateway' ? 'state' : 'gateway');
  await startApp(world);
  await describeApps(admin);
  const address = `${name}:${port}`;
  const { invitation } = await admin.inviteGateway({ body: { id: 'gw-main', site: 'main', address } });
  const env = {
    ...shared,
    POSTERN_DIR: dir,
    POSTERN_LISTEN_HOST: '::',
    POSTERN_WORKERS: String(workers),
    HOME: host.dir,
  };
  await mustRun(host, `env ${variables(env)} ${bin('postern-gateway')} join`, { input: invitation });
  const isReady = (said: string) => said.includes('"keySets"');
  const command = `${bin('postern-gateway')} run --json`;
  return runProgram(world, { host, dir, command, isReady, env }, options);
}

/** `/` says `wiki`; `/events` begins with `begin` and does not end. */
async function startApp({ app, t }: Perimeter): Promise<void> {
  const [host, port] = appAddress.split(':');
  writeFileSync(
    join(app.dir, 'app.cjs'),
    `require('http').createServer((req, res) => {
  if (req.url !== '/events') return res.end('wiki');
  res.write('begin\\n');
  const timer = setInterval(() => res.write('.\\n'), 200);
  res.on('close', () => clearInterval(timer));
}).listen(${port}, '${host}', () => console.log('ready'));`,
  );
  const child = app.start(`exec ${process.execPath} ${join(app.dir, 'app.cjs')}`);
  t.teardown(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout!, 'data');
}

async function describeApps(admin: AdminClient): Promise<void> {
  const wiki = httpApp(80, { hosts: ['wiki.sample.internal'], upstream: `http://${appAddress}` });
  await admin.putApp({ params: { id: 'wiki' }, body: wiki });
  const text = '@id("all")\npermit (principal, action, resource);';
  await admin.publishPolicy({ body: { files: [{ id: 'all', text }], message: 'everything', evenIfItLocksOut: true } });
}

export interface RunningAgent extends RunningProcess {
  readonly control: AgentClient;
  readonly user: SampleUser;
  /** What `curl` gets of the app through the agent. */
  curl(path: string): Promise<{ readonly status: number; readonly body: string }>;
}

/** A new person, enrolled on this host, signed in for the first time. */
export async function startAgent(
  world: Perimeter,
  { admin }: RunningController,
  where: HostName,
  person: string,
  options: ProcessOptions = {},
): Promise<RunningAgent> {
  const host = world[where];
  const dir = stateOf(host, options.state);
  await admin.putPerson({ params: { id: person }, body: { name: person } });
  const { invitation } = await admin.invite({ body: { person } });
  const env = { ...shared, POSTERN_DIR: dir, HOME: host.dir, XDG_RUNTIME_DIR: host.dir };
  await mustRun(host, `env ${variables({ ...env, ...options.env })} ${bin('postern')} enrol`, { input: invitation });
  const isReady = (said: string) => /ready|portal/i.test(said);
  const running = await runProgram(world, { host, dir, command: `${bin('postern')} up`, isReady, env }, options);
  const control = agentClient(join(dir, 'agent.sock'));
  const user = await untilItWorks(() => setFirstFactors(control, person as never));
  return {
    ...running,
    control,
    user,
    async curl(path) {
      const { stdout } = await host.run(`curl -sS -m 20 -w '\\n%{http_code}' http://wiki.localhost:7070${path}`);
      const lines = stdout.split('\n');
      return { status: Number(lines.at(-1)), body: lines.slice(0, -1).join('\n') };
    },
  };
}

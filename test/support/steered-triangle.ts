/**
 * The whole triangle with real processes, each of which the test can end, start again, or start with another environment.
 * `startTriangle` is for tests that only use it; this one is for those that steer it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parse, stringify } from 'yaml';
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import { type AdminClient, type AgentClient, untilItWorks } from '../../deploy/quickstart/clients.ts';
import { configFile, factsFileOf, portsOf, writeConfigs } from '../../deploy/quickstart/configs.ts';
import { freePorts } from '../../deploy/quickstart/free-ports.ts';
import { readOrganisation } from '../../deploy/quickstart/organisation.ts';
import { Processes, run } from '../../deploy/quickstart/processes.ts';
import { signIn } from '../../deploy/quickstart/resume.ts';
import { setUp } from '../../deploy/quickstart/set-up.ts';
import {
  adminSocket,
  agentSocket,
  startAgentProcess,
  startControllerProcess,
  startGatewayProcess,
  type Triangle,
} from '../../deploy/quickstart/start-triangle.ts';
import { type PersonId, type SampleUser, StateFile } from '../../deploy/quickstart/state.ts';

/** `gw-...`: a gateway that `joinGateway` has added. */
export type ProcessName = 'controller' | 'gateway' | `agent-${PersonId}` | `gw-${string}`;

export interface SteeredTriangle extends Triangle {
  readonly admin: AdminClient;
  readonly agents: Readonly<Record<PersonId, AgentClient>>;
  readonly users: Readonly<Record<PersonId, SampleUser>>;
  readonly adminSocket: string;
  socketOf(person: PersonId): string;
  portalPort(person: PersonId): number;
  /** Resolves when the process has ended. */
  end(name: ProcessName, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** `SIGSTOP` and `SIGCONT`: it hangs, and goes on. */
  signal(name: ProcessName, signal: NodeJS.Signals): void;
  /** Resolves when the controller or agent answers; for a gateway at once. */
  start(name: ProcessName): Promise<void>;
  /** A gateway of the same site with the other one's configuration but for its ports; resolves when it is fresh. */
  joinGateway(id: string): Promise<void>;
  setFact(person: PersonId, fact: string, value: boolean): void;
  signIn(person: PersonId): Promise<void>;
  /** Applies the sample organisation once more, changed. */
  describe(change: (bundle: Bundle) => Bundle): Promise<void>;
  /** The log of a process so far. */
  logOf(name: string): string;
}

/** What differs from the configuration of the quickstart. */
export interface MoreConfig extends Readonly<Partial<Record<'controller' | 'gateway', object>>> {
  /** Called when the directories are there and nothing is in them yet. */
  readonly prepare?: (state: StateFile) => void;
}

/** Ends with the test, which fails if a process has ended that nobody ended. */
export async function steerTriangle(
  t: Test,
  env: Readonly<Record<string, string>> = {},
  more: MoreConfig = {},
): Promise<SteeredTriangle> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const state = new StateFile(dir);
  const ports = await freePorts();
  writeConfigs(state, ports, { keepFacts: false });
  for (const name of ['controller', 'gateway'] as const) {
    const file = configFile(state, name);
    writeFileSync(file, stringify({ ...(parse(readFileSync(file, 'utf8')) as object), ...more[name] }));
  }
  const expected = new Set<string>();
  const died: string[] = [];
  const processes = new Processes((name, why) => {
    if (!expected.delete(name)) died.push(`${name} ${why}`);
  });
  endWithTheTest(processes);
  t.teardown(async () => {
    await processes.stop();
    if (died.length > 0) throw new Error(died.join('\n'));
    rmSync(dir, { recursive: true, force: true });
  });
  more.prepare?.(state);
  Object.assign(process.env, env);
  const triangle: Triangle = { state, ports, processes };
  const { admin, agents, state: known } = await setUp(triangle, (line) => t.comment(line));

  const steered: SteeredTriangle = {
    ...triangle,
    admin,
    agents,
    users: known.people,
    adminSocket: adminSocket(state),
    socketOf: (person) => agentSocket(state, person),
    portalPort: (person) => ports[`${portsOf[person]}Portal`],
    async end(name, signal) {
      const pid = processes.pid(name);
      if (pid === undefined) throw new Error(`there is no process ${name}`);
      expected.add(name);
      process.kill(pid, signal);
      await untilItWorks(async () => {
        if (expected.has(name)) throw new Error(`${name} goes on`);
      });
    },
    signal(name, signal) {
      const pid = processes.pid(name);
      if (pid === undefined) throw new Error(`there is no process ${name}`);
      process.kill(pid, signal);
    },
    async start(name) {
      if (name === 'controller') await startControllerProcess(triangle);
      else if (name === 'gateway') startGatewayProcess(triangle);
      else if (name.startsWith('gw-')) startOtherGateway(triangle, name);
      else await startAgentProcess(triangle, name.slice('agent-'.length) as PersonId);
    },
    async joinGateway(id) {
      await joinSecond(triangle, admin, id);
      await untilItWorks(async () => {
        const { items } = await admin.gateways({});
        if (items.find((gateway) => gateway.id === id)?.connection !== 'fresh') throw new Error(`${id} is not fresh`);
      });
    },
    setFact(person, fact, value) {
      const file = factsFileOf(state, person);
      const facts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
      writeFileSync(file, JSON.stringify({ ...facts, [fact]: value }));
    },
    signIn: (person) => signIn(agents[person], known.people[person]),
    async describe(change) {
      await admin.apply({ body: { bundle: change(readOrganisation(ports)), dryRun: false, message: 'the test' } });
    },
    logOf: (name) => readFileSync(state.path('logs', `${name}.log`), 'utf8'),
  };
  return steered;
}

/** A test that is ended from outside must leave nothing running: the processes are in groups of their own. */
function endWithTheTest(processes: Processes): void {
  const kill = () => {
    for (const pid of processes.pids()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  };
  process.once('exit', kill);
  process.once('SIGALRM', kill);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      kill();
      process.exit(1);
    });
  }
}

async function joinSecond({ state, processes }: Triangle, admin: AdminClient, id: string): Promise<void> {
  const { gateway, keySets, gatewayMetrics } = await freePorts();
  const config = state.path('config', `${id}.yaml`);
  const settings = {
    dir: state.path(id),
    listen: { host: '127.0.0.1', port: gateway },
    keySets: { port: keySets },
    metrics: { port: gatewayMetrics },
  };
  writeFileSync(config, stringify(settings), { mode: 0o600 });
  const logFile = state.path('logs', `${id}.log`);
  const body = { id, site: 'main', address: `127.0.0.1:${gateway}` };
  const { invitation } = await admin.inviteGateway({ body });
  const args = (verb: string) => ['gateway/main.ts', verb, '--config', config];
  await run({ name: `join ${id}`, args: args('join'), input: `${invitation}\n`, logFile });
  startOtherGateway({ state, processes }, id);
}

function startOtherGateway({ state, processes }: Pick<Triangle, 'state' | 'processes'>, id: string): void {
  const args = ['gateway/main.ts', 'run', '--config', state.path('config', `${id}.yaml`)];
  processes.start({ name: id, args, logFile: state.path('logs', `${id}.log`) });
}

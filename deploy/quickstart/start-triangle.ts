/** Starts the processes of the triangle on a state that is already set up. */
import { join } from 'node:path';
import type { AdminClient, AgentClient } from './clients.ts';
import { adminClient, agentClient, untilItWorks } from './clients.ts';
import { configFile } from './configs.ts';
import type { Ports } from './ports.ts';
import type { Processes } from './processes.ts';
import type { PersonId, StateFile } from './state.ts';

export interface Triangle {
  readonly state: StateFile;
  readonly ports: Ports;
  readonly processes: Processes;
}

export const quickstartReason = 'quickstart';

export function adminSocket(state: StateFile): string {
  return state.path('controller', 'admin.sock');
}

export function agentSocket(state: StateFile, person: PersonId): string {
  return state.path('agents', person, 'profile', 'agent.sock');
}

const logOf = (state: StateFile, name: string) => state.path('logs', `${name}.log`);

/** Resolves when the admin socket answers. */
export async function startControllerProcess({ state, processes }: Triangle): Promise<AdminClient> {
  const args = ['controller/main.ts', 'run', '--config', configFile(state, 'controller')];
  const exited = processes.start({ name: 'controller', args, logFile: logOf(state, 'controller') });
  const admin = adminClient(adminSocket(state), quickstartReason);
  await untilItWorks(async () => {
    if (exited.exitCode !== null) throw new Error('the controller has ended');
    await admin.status({});
  });
  return admin;
}

export function startGatewayProcess({ state, processes }: Triangle): void {
  const args = ['gateway/main.ts', 'run', '--config', configFile(state, 'gateway')];
  processes.start({ name: 'gateway', args, logFile: logOf(state, 'gateway') });
}

/** Resolves when the controller sees the gateway's stream as fresh. */
export async function gatewayIsFresh(admin: AdminClient): Promise<void> {
  await untilItWorks(async () => {
    const { items } = await admin.gateways({});
    if (!items.some((gateway) => gateway.connection === 'fresh')) throw new Error('the gateway is not connected');
  });
}

export function startAppsProcess({ state, ports, processes }: Triangle): void {
  const at = (app: 'wiki' | 'payroll' | 'live') => ({
    port: ports[app],
    keySetUrl: `http://127.0.0.1:${ports.keySets}/apps/${app}/keys`,
  });
  const settings = { wiki: at('wiki'), payroll: at('payroll'), live: at('live'), echo: { port: ports.echo } };
  const args = [join('deploy/quickstart/apps/main.ts')];
  const env = { SAMPLE_APPS: JSON.stringify(settings) };
  processes.start({ name: 'apps', args, logFile: logOf(state, 'apps'), env });
}

/** Resolves when the agent answers on its socket. */
export async function startAgentProcess({ state, processes }: Triangle, person: PersonId): Promise<AgentClient> {
  const args = ['client-agent/main.ts', 'up', '--config', configFile(state, person)];
  // As bin/postern does.
  const nodeArgs = ['--max-semi-space-size=1'];
  const env = { MALLOC_ARENA_MAX: '2' };
  processes.start({ name: `agent-${person}`, args, nodeArgs, env, logFile: logOf(state, `agent-${person}`) });
  const agent = agentClient(agentSocket(state, person));
  await untilItWorks(() => agent.status({}));
  return agent;
}

/**
 * A controller is killed while 1,000 agents are connected, and started again: from the kill to the first new grant, and to the
 * one of the last agent. Agents are clients of the real contracts, each with a device, a session and two connections of its own;
 * controller and gateway are real processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Check } from 'typebox/value';
import { systemClock } from '#shared/base/clock.ts';
import { type AgentEvent, agentEvent, agentToController } from '#shared/contracts/agent-to-controller.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import { type LongChannel, openLongChannel } from '#shared/wire/long-channel.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import { readSseJson } from '#shared/wire/sse.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { writeConfigs } from '../../deploy/quickstart/configs.ts';
import { freePorts } from '../../deploy/quickstart/free-ports.ts';
import { Processes } from '../../deploy/quickstart/processes.ts';
import { setUp } from '../../deploy/quickstart/set-up.ts';
import { gatewayIsFresh, startControllerProcess, type Triangle } from '../../deploy/quickstart/start-triangle.ts';
import { StateFile } from '../../deploy/quickstart/state.ts';
import { addDevices, type ManyDevices } from './many-devices.ts';
import { type Bench, median } from './measure.ts';

const count = 1000;
const rounds = 3;

interface Fleet {
  /** Resolves when every agent's stream of events is open. */
  readonly allOpen: () => Promise<void>;
  /** The moment of each agent's first grant after now, in the order in which they come. */
  readonly firstGrants: () => Promise<number[]>;
  readonly stop: () => Promise<void>;
}

export const restart: Bench = {
  name: 'restart',
  about: `a controller killed under ${count} connected agents: to the first new grant, and to everybody's`,
  async run({ dir, defer, tell }) {
    const state = new StateFile(dir);
    const ports = await freePorts();
    writeConfigs(state, ports, { keepFacts: false, door: 'none' });
    const processes = new Processes(() => {});
    const triangle: Triangle = { state, ports, processes };
    defer(() => processes.stop());
    await setUp(triangle, tell);
    await killController(processes);
    tell(`writing ${count} devices`);
    const made = await addDevices(state.path('controller'), 'emil', count);
    await gatewayIsFresh(await startControllerProcess(triangle));
    const fleet = openFleet(made, `https://127.0.0.1:${ports.mutual}`);
    defer(fleet.stop);
    await fleet.allOpen();
    await fleet.firstGrants();
    const first: number[] = [];
    const last: number[] = [];
    for (let round = 0; round < rounds; round++) {
      tell(`${count} agents are connected: kill -9`);
      const began = performance.now();
      await killController(processes);
      const grants = fleet.firstGrants();
      await startControllerProcess(triangle);
      const moments = await grants;
      first.push((moments[0]! - began) / 1000);
      last.push((moments.at(-1)! - began) / 1000);
      await fleet.allOpen();
    }
    return [
      { what: `from kill -9 to the first new grant, ${count} agents`, measured: `${median(first).toFixed(1)} s` },
      { what: 'to the first new grant of the last of them', measured: `${median(last).toFixed(1)} s` },
    ];
  },
};

async function killController(processes: Processes): Promise<void> {
  const pid = processes.pid('controller')!;
  process.kill(pid, 'SIGKILL');
  await untilItWorks(async () => {
    if (isRunning(pid)) throw new Error('the controller goes on');
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function openFleet({ devices, bundle, trustDomain }: ManyDevices, origin: string): Fleet {
  const agents = devices.map(({ key, certificate, chain, secret }) => {
    const tls = () =>
      clientTlsOptions({ bundle, trustDomain, role: 'controller', clock: systemClock, key, certificate, chain });
    const dispatcher = makeDispatcher(tls, { connections: 2 });
    const headers = () => ({ authorization: `Postern-Session ${secret}` });
    const calls = callContract(agentToController, { dispatcher, origin, headers });
    const opened = { open: false, changed: Promise.withResolvers<void>() };
    const events = followEvents(calls, (isOpen) => {
      opened.open = isOpen;
      if (isOpen) opened.changed.resolve();
      else opened.changed = Promise.withResolvers<void>();
    });
    return { calls, events, opened, dispatcher };
  });
  return {
    async allOpen() {
      for (const { opened } of agents) while (!opened.open) await opened.changed.promise;
    },
    async firstGrants() {
      const moments = await Promise.all(agents.map(({ calls }) => firstGrant(calls)));
      return moments.sort((a, b) => a - b);
    },
    async stop() {
      await Promise.all(agents.map(({ events }) => events.stop()));
      await Promise.all(agents.map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
}

function followEvents(calls: Client<typeof agentToController>, onOpen: (open: boolean) => void): LongChannel {
  return openLongChannel<AgentEvent>({
    connect: (signal) => calls.events({ signal }),
    read: readSseJson,
    check: (value): value is AgentEvent => Check(agentEvent, value),
    onMessage: () => {},
    onState: (channel) => {
      if (channel === 'open') onOpen(true);
      if (channel === 'waiting') onOpen(false);
    },
    silenceMs: 60_000,
  });
}

const patienceMs = 120_000;

/** Asks until it is given, with the pauses of an agent whose person waits for a page. */
async function firstGrant(calls: Client<typeof agentToController>): Promise<number> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      await calls.grants({ body: { app: 'wiki', act: 'request', idleMs: 0, trace: 'b'.repeat(32) } });
      return performance.now();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(250 + Math.random() * 500);
    }
  }
}

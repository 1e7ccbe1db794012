/** A real agent, enrolled at a fake controller, in a directory of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Clock, systemClock } from '#shared/base/clock.ts';
import { loadConfig } from '#shared/base/config.ts';
import { silentLog } from '#shared/base/log.ts';
import type { LocalEvent } from '../../client-agent/agent-api.ts';
import { agentConfig } from '../../client-agent/config.ts';
import { Keystore } from '../../client-agent/keystore/keystore.ts';
import type { StartedAgent } from '../../client-agent/make-agent.ts';
import { enrol } from '../../client-agent/to-controller/enrol.ts';
import { startAgent } from '../../client-agent/wiring.ts';
import { fakeHost } from '../client-agent/posture/fake-host.ts';
import type { FakeEdge } from './fake-edge-controller.ts';

export interface FakeAgentOptions {
  readonly edge: FakeEdge;
  readonly clock?: Clock;
  readonly signIn?: boolean;
}

export async function enrolFake(t: Test, { edge, clock = systemClock }: FakeAgentOptions): Promise<string> {
  // Not in `testdir`: the path of a Unix socket has room for about 100 characters.
  const dir = mkdtempSync(join(tmpdir(), 'postern-agent-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const keystore = new Keystore(dir);
  const facts = { os: 'linux', hostName: 'laptop' } as const;
  await enrol({ keystore, invitation: edge.invitation(), facts, clock, log: silentLog });
  keystore.close();
  return dir;
}

export async function startFakeAgent(t: Test, dir: string, clock: Clock = systemClock): Promise<StartedAgent> {
  const config = loadConfig(agentConfig, { overrides: { dir, logLevel: 'silent' } });
  const agent = await startAgent(config, { clock, log: silentLog, host: fakeHost({}) });
  t.teardown(() => agent.stop());
  return agent;
}

/** Enrolled, running and (unless told) signed in. */
export async function makeFakeAgent(t: Test, options: FakeAgentOptions): Promise<StartedAgent> {
  const agent = await startFakeAgent(t, await enrolFake(t, options), options.clock);
  if (options.signIn !== false) await signInFake(agent);
  return agent;
}

export async function signInFake(agent: StartedAgent): Promise<void> {
  const { flow } = await agent.signIn.start('sign-in');
  await agent.signIn.answer(flow, 'password', 'right');
}

/** The next event of that type. */
export function nextEvent<E extends LocalEvent['type']>(
  agent: StartedAgent,
  type: E,
): Promise<Extract<LocalEvent, { type: E }>> {
  return new Promise((resolve) => {
    const off = agent.on((event) => {
      if (event.type !== type) return;
      off();
      resolve(event as Extract<LocalEvent, { type: E }>);
    });
  });
}

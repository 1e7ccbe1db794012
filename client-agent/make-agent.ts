/** The running agent as its local side, the command line and the portal see it. */

import type { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Agent, AgentState, LocalEvent, LocalSide } from './agent-api.ts';
import type { AgentConfig } from './config.ts';
import { explained, explainedCalls } from './diagnosis/explain-failure.ts';
import type { WayWatch } from './diagnosis/watch-way.ts';
import { postureLine } from './doctor.ts';
import type { LiveStreams } from './grants/live-streams.ts';
import type { Refusals } from './grants/refusals.ts';
import type { Traffic } from './grants/run-traffic.ts';
import { onWake, type ReactingParts } from './reactions.ts';
import type { watchWake } from './to-controller/wake-watch.ts';

export interface StartedAgent extends Agent {
  readonly directory: string;
  /** Path of the Unix socket that the CLI uses. */
  readonly socket: string;
  /** Where the local side listens. */
  local(): ReturnType<LocalSide['addresses']>;
  /** What a timer does every 5 s: certificate, posture, expired grants, sleep. Resolves when it is done. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

export interface Parts extends ReactingParts {
  readonly live: LiveStreams;
  readonly refusals: Refusals;
  readonly traffic: Traffic;
  readonly state: () => AgentState;
  readonly way: WayWatch;
  readonly wake: ReturnType<typeof watchWake>;
  readonly openEvents: () => void;
}

interface Rest extends Pick<StartedAgent, 'local'> {
  readonly lifecycle: Lifecycle;
  readonly listeners: Set<(event: LocalEvent) => void>;
}

export function makeAgent({ profile }: AgentConfig, parts: Parts, { lifecycle, listeners, local }: Rest): StartedAgent {
  const { keystore, sessions, link, links, care, apps, reporter, desk, holds, live, refusals, traffic, state, way } =
    parts;
  const tell = <T>(act: () => Promise<T>): Promise<T> => explained(() => way.look(), act);
  return {
    profile,
    directory: keystore.directory.path,
    socket: keystore.directory.file('agent.sock'),
    local,
    state,
    apps: () => apps.all(),
    refreshApps: () => tell(() => apps.refresh()),
    signIn: {
      start: (purpose) => tell(() => sessions.start(purpose)),
      answer: (...answer) => tell(() => sessions.answer(...answer)),
    },
    signOut: () => sessions.signOut(),
    me: explainedCalls(() => way.look(), link.me),
    posture: reporter,
    why: (app) => refusals.list(app),
    activity: () => sessions.activity(),
    traffic,
    holds: () => holds.list(),
    giveUp: (hold) => holds.giveUp(hold),
    doctor: async () => [...(await way.look()).findings, postureLine(state())],
    renew: () => tell(() => care.renewNow()),
    rekey: () => tell(() => care.rekey()),
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async tick() {
      if (parts.wake.tick()) onWake(parts);
      desk.tick();
      links.tick();
      way.note();
      await care.tick();
      await Promise.all([reporter.tick(), live.tick()]);
    },
    stop: () => lifecycle.stop(),
  };
}

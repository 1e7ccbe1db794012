/** The composition root of the agent: the one place that makes its parts and ties them together. */
import { type Clock, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import type { LongChannel } from '#shared/wire/long-channel.ts';
import type { Agent, AgentState, LocalEvent, LocalParts, LocalSide } from './agent-api.ts';
import { ClientBook } from './clients/client-book.ts';
import { ClientDesk } from './clients/client-desk.ts';
import type { AgentConfig } from './config.ts';
import { startControl } from './control/start-control.ts';
import { describeState } from './describe-state.ts';
import { runDoctor } from './doctor.ts';
import { createAskBudget } from './grants/ask-budget.ts';
import { GrantDesk, type GrantOrder } from './grants/grant-desk.ts';
import { Holds } from './grants/holds.ts';
import { LiveStreams } from './grants/live-streams.ts';
import { isBoundTo } from './grants/read-own-grant.ts';
import { Refusals } from './grants/refusals.ts';
import { Traffic } from './grants/run-traffic.ts';
import { Keystore } from './keystore/keystore.ts';
import { profilePath } from './keystore/profile-directory.ts';
import { withOverrides } from './posture/facts-file.ts';
import type { Host } from './posture/host.ts';
import { createLocalHost } from './posture/local-host.ts';
import { createReportSequence } from './posture/report-sequence.ts';
import { noteDevice, onControllerEvent, onFactor, onSessionChange, onWake, type ReactingParts } from './reactions.ts';
import { AppsList } from './to-controller/apps-list.ts';
import { CertificateCare } from './to-controller/certificate-care.ts';
import { followEvents } from './to-controller/controller-events.ts';
import { ControllerLink } from './to-controller/controller-link.ts';
import { DeviceKnocks } from './to-controller/device-knocks.ts';
import { PostureReporter } from './to-controller/posture-reporter.ts';
import { Sessions } from './to-controller/sessions.ts';
import { tickMs, watchWake } from './to-controller/wake-watch.ts';
import { GatewayLinks } from './to-gateway/gateway-links.ts';
import { SessionKnocks } from './to-gateway/session-knocks.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface AgentOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The machine that posture is collected on; this one unless told. */
  readonly host?: Host;
  readonly env?: Env;
  /** Portal, reverse proxy, proxies and local ports; none unless told. */
  readonly startLocal?: (parts: LocalParts<AgentConfig>) => Promise<LocalSide>;
  /** The last lines of the log, for `postern logs`. */
  readonly recentLogs?: () => readonly string[];
}

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

export function profileDirectory(config: AgentConfig, env: Env = process.env): string {
  return config.dir ?? profilePath(config.profile, env);
}

/** Throws `invalid-config` for a profile that is not enrolled or not safe, `conflict` when it is in use. */
export async function startAgent(config: AgentConfig, options: AgentOptions): Promise<StartedAgent> {
  const lifecycle = new Lifecycle(options.log);
  try {
    const keystore = new Keystore(profileDirectory(config, options.env));
    lifecycle.add('keystore', { stop: () => keystore.close() });
    if (!keystore.isEnrolled()) {
      throw new PosternError('invalid-config', `profile ${config.profile} is not enrolled: run "postern enrol" first`);
    }
    const listeners = new Set<(event: LocalEvent) => void>();
    const emit = (event: LocalEvent) => {
      for (const listener of listeners) listener(event);
    };
    const parts = makeParts(config, options, { keystore, emit, lifecycle });
    let local: LocalSide | undefined;
    const agent = makeAgent(config, parts, { lifecycle, listeners, local: () => local?.addresses() ?? [] });
    const { clock, log, startLocal, recentLogs } = options;
    const clients = new ClientDesk({ book: new ClientBook(keystore.directory), clock, log });
    lifecycle.add('clients', clients);
    local = await startLocal?.({ agent, config, directory: agent.directory, clients, clock, log });
    if (local !== undefined) lifecycle.add('local', local);
    lifecycle.add('control', await startControl({ agent, local, clients, path: agent.socket, log, recentLogs }));
    parts.openEvents();
    parts.reporter.start();
    const timer = setInterval(() => void agent.tick(), tickMs);
    lifecycle.add('timer', { stop: () => clearInterval(timer) });
    void agent.tick();
    void parts.apps.refreshQuietly();
    return agent;
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

interface Base {
  readonly keystore: Keystore;
  readonly emit: (event: LocalEvent) => void;
  readonly lifecycle: Lifecycle;
}

interface Parts extends ReactingParts {
  readonly live: LiveStreams;
  readonly refusals: Refusals;
  readonly traffic: Traffic;
  readonly state: () => AgentState;
  readonly wake: ReturnType<typeof watchWake>;
  readonly openEvents: () => void;
}

function makeParts(
  config: AgentConfig,
  { clock, log, host }: AgentOptions,
  { keystore, emit, lifecycle }: Base,
): Parts {
  let channel: LongChannel | undefined;
  let eventsOpen = false;
  const onState = () => emit({ type: 'state' });
  const sessions: Sessions = new Sessions({
    keystore,
    clock,
    log,
    link: () => link,
    ready: () => care.ensure(),
    onChange: (signedIn, reason) => onSessionChange(parts, signedIn, reason),
    onFactor: () => onFactor(parts),
  });
  const doors = new DeviceKnocks({ keystore, clock });
  const link: ControllerLink = new ControllerLink({
    keystore,
    clock,
    log,
    session: () => sessions.secret(),
    onChange: onState,
    keySettled: () => care.settled(),
    knock: doors.atController('mutual'),
  });
  const knocks = new SessionKnocks(doors);
  const links = new GatewayLinks({ keystore, clock, knocks });
  const onRenewed = (newKey: boolean) => {
    if (newKey) {
      // Grants bind to the key of the handshake (P4). In one turn, so that no request pairs an old one with the new key.
      desk.clear();
      links.reconnect();
    }
    channel?.reconnect();
    onState();
  };
  const knock = doors.atController('bootstrap');
  const care: CertificateCare = new CertificateCare({ keystore, link, clock, log, onRenewed, knock });
  const apps = new AppsList({ link, sessions, log, onChange: () => emit({ type: 'apps' }) });
  const directory = keystore.directory;
  const reporter = new PostureReporter({
    host: posturedHost(config, clock, host, directory.file('first-seen.json')),
    allowListFile: config.posture.allowListFile,
    lookMs: config.posture.lookSeconds * second,
    keystore,
    sequence: createReportSequence(directory.file('posture.seq'), clock),
    link,
    clock,
    log,
    onDevice: (device) => noteDevice(parts, device),
    onReported: () => {
      holds.changed();
      emit({ type: 'posture' });
    },
  });
  const ask = async (order: GrantOrder) => {
    if (!sessions.isSignedIn()) throw new PosternError('session-required', 'nobody is signed in');
    if (sessions.isIdle()) throw new PosternError('session-idle', 'the session waits for one factor');
    const { app, act, exact, trace, avoid = [] } = order;
    await care.ensure();
    const request = {
      ...(exact === undefined ? {} : { request: exact }),
      ...(avoid.length > 0 ? { avoid: [...avoid] } : {}),
    };
    const body = () => ({ app, act, ...request, idleMs: Math.round(sessions.idleMs()), trace });
    let given = await link.calls.grants({ body: body() });
    // Asked for before the key was changed, answered after: no gateway takes it on a connection of the new key (P4).
    if (!isBoundTo(given.grant, keystore.jkt)) given = await link.calls.grants({ body: body() });
    knocks.use(given.knock?.secret);
    return given;
  };
  const desk = new GrantDesk({ ask, budget: createAskBudget(clock), clock, log });
  const holds = new Holds({ clock, emit });
  const refusals = new Refusals(clock, (refused) => emit({ type: 'refused', refused }));
  const live = new LiveStreams({
    desk,
    links,
    clock,
    log,
    onRefused: (order, error, gateway) => {
      sessions.noteRefusal(error);
      refusals.add(order, error, gateway === undefined ? 'controller' : 'gateway', gateway);
    },
  });
  const findApp = async (id: string) => apps.find(id) ?? (await apps.refresh()).find((app) => app.id === id);
  const onRefusal = (error: PosternError) => sessions.noteRefusal(error);
  const traffic = new Traffic({ desk, holds, live, links, refusals, findApp, onRefusal });
  const state = () =>
    describeState({
      profile: config.profile,
      keystore,
      sessions,
      link,
      care,
      clock,
      posture: () => reporter.last(),
      eventsOpen: () => eventsOpen,
    });
  const openEvents = () => {
    const onEvent = (event: Parameters<typeof onControllerEvent>[1]) => onControllerEvent(parts, event);
    const onOpen = (open: boolean) => {
      eventsOpen = open;
      onState();
    };
    channel = followEvents({ link, log, onEvent, onOpen });
    lifecycle.add('events', channel);
  };
  const parts: Parts = {
    keystore,
    sessions,
    link,
    links,
    care,
    apps,
    reporter,
    desk,
    holds,
    log,
    events: () => channel,
    emit,
    live,
    refusals,
    traffic,
    state,
    wake: watchWake(clock),
    openEvents,
  };
  lifecycle.add('controller', link);
  lifecycle.add('posture', reporter);
  lifecycle.add('gateways', links);
  lifecycle.add('streams', live);
  return parts;
}

function posturedHost(config: AgentConfig, clock: Clock, host: Host | undefined, firstSeenFile: string): Host {
  const real = host ?? createLocalHost({ clock, firstSeenFile });
  const { factsFile } = config.posture;
  return factsFile === undefined ? real : withOverrides(real, factsFile);
}

interface Rest extends Pick<StartedAgent, 'local'> {
  readonly lifecycle: Lifecycle;
  readonly listeners: Set<(event: LocalEvent) => void>;
}

function makeAgent({ profile }: AgentConfig, parts: Parts, { lifecycle, listeners, local }: Rest): StartedAgent {
  const { keystore, sessions, link, links, care, apps, reporter, desk, holds, live, refusals, traffic, state } = parts;
  return {
    profile,
    directory: keystore.directory.path,
    socket: keystore.directory.file('agent.sock'),
    local,
    state,
    apps: () => apps.all(),
    refreshApps: () => apps.refresh(),
    signIn: sessions,
    signOut: () => sessions.signOut(),
    me: link.me,
    posture: reporter,
    why: (app) => refusals.list(app),
    activity: () => sessions.activity(),
    traffic,
    holds: () => holds.list(),
    giveUp: (hold) => holds.giveUp(hold),
    doctor: () => runDoctor({ state, care, link, links }),
    renew: () => care.renewNow(),
    rekey: () => care.rekey(),
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async tick() {
      if (parts.wake.tick()) onWake(parts);
      desk.tick();
      links.tick();
      await care.tick();
      await Promise.all([reporter.tick(), live.tick()]);
    },
    stop: () => lifecycle.stop(),
  };
}

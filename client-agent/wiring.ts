/** The composition root of the agent: the one place that makes its parts and ties them together. */
import { type Clock, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import type { LongChannel } from '#shared/wire/long-channel.ts';
import type { LocalEvent, LocalParts, LocalSide } from './agent-api.ts';
import { ClientBook } from './clients/client-book.ts';
import { ClientDesk } from './clients/client-desk.ts';
import type { AgentConfig } from './config.ts';
import { startControl } from './control/start-control.ts';
import { describeState } from './describe-state.ts';
import { explained } from './diagnosis/explain-failure.ts';
import { WayWatch } from './diagnosis/watch-way.ts';
import { diagnoseAgent } from './doctor.ts';
import { createAskBudget } from './grants/ask-budget.ts';
import { askController } from './grants/ask-controller.ts';
import { GrantDesk } from './grants/grant-desk.ts';
import { Holds } from './grants/holds.ts';
import { LiveStreams } from './grants/live-streams.ts';
import { Refusals } from './grants/refusals.ts';
import { Traffic } from './grants/run-traffic.ts';
import { Keystore } from './keystore/keystore.ts';
import { profilePath } from './keystore/profile-directory.ts';
import { makeAgent, type Parts, type StartedAgent } from './make-agent.ts';
import { RungFile } from './network/rung-file.ts';
import { NetworkWatch } from './network/watch-network.ts';
import { posturedHost } from './posture/facts-file.ts';
import type { Host } from './posture/host.ts';
import { createLocalHost } from './posture/local-host.ts';
import { createReportSequence } from './posture/report-sequence.ts';
import { noteDevice, onControllerEvent, onFactor, onNetworkChange, onSessionChange, onWayBack } from './reactions.ts';
import { AppsList } from './to-controller/apps-list.ts';
import { CertificateCare } from './to-controller/certificate-care.ts';
import { followEvents } from './to-controller/controller-events.ts';
import { attemptAll, ControllerLink } from './to-controller/controller-link.ts';
import { ControllerTime } from './to-controller/controller-time.ts';
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

function makeParts(
  config: AgentConfig,
  { clock, log, host, env = process.env }: AgentOptions,
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
  const time = new ControllerTime(clock);
  const network = new NetworkWatch({ onChange: ({ addresses }) => onNetworkChange(parts, addresses), log });
  const ladders = new Ladders({
    clock,
    log,
    proxy: { setting: config.proxy, env },
    network: () => network.id,
    memory: new RungFile(keystore.directory, log),
  });
  const doors = new DeviceKnocks({ keystore, clock: time });
  const link: ControllerLink = new ControllerLink({
    keystore,
    time,
    log,
    session: () => sessions.secret(),
    onChange: () => {
      onState();
      way.note();
    },
    keySettled: () => care.settled(),
    reach: ladders.toController('mutual', doors.atController('mutual')),
  });
  const knocks = new SessionKnocks(doors);
  const links = new GatewayLinks({ keystore, clock: time, knocks, ladders });
  const onRenewed = (newKey: boolean) => {
    if (newKey) {
      // Grants bind to the key of the handshake (P4). In one turn, so that no request pairs an old one with the new key.
      desk.clear();
      links.reconnect();
    }
    channel?.reconnect();
    onState();
  };
  const reach = ladders.toController('bootstrap', doors.atController('bootstrap'));
  const care: CertificateCare = new CertificateCare({ keystore, link, clock: time, log, onRenewed, reach });
  const way: WayWatch = new WayWatch({
    diagnose: () => diagnoseAgent({ state, keystore, care, link, links, clock }),
    attempt: (ms) => attemptAll(link, keystore.enrolment.controllers, ms),
    isReached: () => link.reachable !== false,
    onChange: onState,
    onBack: () => onWayBack(parts),
    log,
  });
  const look = () => way.look();
  const apps = new AppsList({ link, sessions, log, onChange: () => emit({ type: 'apps' }) });
  const directory = keystore.directory;
  const reporter = new PostureReporter({
    host: posturedHost(
      host ?? createLocalHost({ clock, firstSeenFile: directory.file('first-seen.json') }),
      config.posture,
    ),
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
  const ask = askController({ keystore, sessions, care, link, knocks });
  const desk = new GrantDesk({
    ask: (order) => explained(look, () => ask(order)),
    budget: createAskBudget(clock),
    clock,
    log,
  });
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
  const traffic = new Traffic({ desk, holds, live, links, refusals, findApp, onRefusal, look });
  const state = () =>
    describeState({
      ladders,
      profile: config.profile,
      keystore,
      sessions,
      link,
      care,
      clock,
      time,
      trouble: () => way.trouble,
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
    way,
    ladders,
    wake: watchWake(clock),
    openEvents,
  };
  network.start();
  lifecycle.add('network', network);
  lifecycle.add('controller', link);
  lifecycle.add('posture', reporter);
  lifecycle.add('gateways', links);
  lifecycle.add('streams', live);
  lifecycle.add('way', way);
  return parts;
}

/** The composition root: every service of a controller is made here, started in order and stopped in the reverse order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { serveDoorControl } from '#shared/wire/doors/serve-door-control.ts';
import { listenUnix } from '#shared/wire/listen.ts';
import { AnalysisDesk } from './analysis/analysis-desk.ts';
import { openKnockSecrets } from './authority/knock-secrets.ts';
import { openSealer } from './authority/master-key.ts';
import { openAuthority } from './authority/open-authority.ts';
import { PolicyStores } from './authzen/policy-stores.ts';
import { StoreJudge } from './authzen/store-judge.ts';
import { adminSocketOf, type ControllerConfig } from './config.ts';
import type { AdminParts } from './from-admins/admin-parts.ts';
import { makeAdminServer } from './from-admins/admin-server.ts';
import { AgentEvents } from './from-agents/agent-events.ts';
import { appRoutes } from './from-agents/app-routes.ts';
import { makeBootstrapServer } from './from-agents/bootstrap-server.ts';
import { deviceRoutes } from './from-agents/device-routes.ts';
import { eventRoutes } from './from-agents/event-routes.ts';
import { grantRoutes } from './from-agents/grant-routes.ts';
import { meRoutes } from './from-agents/me-routes.ts';
import { makeMutualServer } from './from-agents/mutual-server.ts';
import { postureRoutes } from './from-agents/posture-routes.ts';
import { signInRoutes } from './from-agents/sign-in-routes.ts';
import { AppChecks } from './from-gateways/app-checks.ts';
import { freshGateways } from './from-gateways/fresh-gateways.ts';
import { GatewayConditions } from './from-gateways/gateway-conditions.ts';
import { gatewayRoutes } from './from-gateways/gateway-routes.ts';
import { GatewayStreams } from './from-gateways/gateway-streams.ts';
import { SilentGateways } from './from-gateways/silent-gateways.ts';
import { awaitDoors } from './grants/await-doors.ts';
import { DeviceBudget } from './grants/device-budget.ts';
import { readyGateways } from './grants/ready-gateways.ts';
import { databaseName } from './init.ts';
import { JobRunner } from './jobs/run-jobs.ts';
import { lockDirectory } from './lock-directory.ts';
import { LogFollowers } from './log/follow-records.ts';
import { KnownCheckpoints } from './log/known/known-checkpoints.ts';
import { LifeRecords } from './log/life-records.ts';
import { LogKeeper } from './log/log-keeper.ts';
import { Pruner } from './log/retention/pruner.ts';
import { retentionFloor } from './log/retention/retention-ages.ts';
import { tellFloor } from './log/retention/tell-floor.ts';
import { SearchDesk } from './log/search/search-desk.ts';
import type { Mended } from './log/search/search-tasks.ts';
import { tellMended } from './log/search/tell-mended.ts';
import { anchorGauges } from './log-anchors/anchor-gauges.ts';
import { LogAnchors } from './log-anchors/log-anchors.ts';
import { LogStreams } from './log-streams/log-streams.ts';
import { streamGauges } from './log-streams/stream-gauges.ts';
import { openDoor, openPreludePort } from './open-door.ts';
import { PolicyInForce } from './publishing/policy-in-force.ts';
import { PolicyJudge } from './publishing/policy-judge.ts';
import { takeInForce } from './publishing/publish.ts';
import { type Door, reachedAt, servicesAt } from './reached-at.ts';
import { CutWatch } from './revocation/cut-report.ts';
import { scheduleJobs } from './schedule-jobs.ts';
import { Shadow } from './shadow/shadow.ts';
import { startMetrics } from './start-metrics.ts';
import { startServices } from './start-services.ts';
import { DiskReserve } from './store/disk-reserve.ts';
import { openGeneration } from './store/generation.ts';
import { openStore } from './store/open-store.ts';
import { readSettings } from './store/settings.ts';

export interface Surroundings {
  readonly clock?: Clock;
  readonly log: Log;
  /** The master key is taken out of it. */
  readonly env: Record<string, string | undefined>;
}

export interface RunningController {
  /** `host:port`; `metrics` is absent when it is switched off. */
  readonly addresses: {
    readonly bootstrap: string;
    readonly mutual: string;
    readonly adminSocket: string;
    readonly metrics?: string;
    /** `https://host:port`; absent when the services listener is off. */
    readonly services?: string;
  };
  stop(): Promise<void>;
}

/** Throws `invalid-config` for an empty state directory, `conflict` when another controller has it. */
export async function startController(config: ControllerConfig, around: Surroundings): Promise<RunningController> {
  const lifecycle = new Lifecycle(around.log);
  try {
    const addresses = await start(config, around, lifecycle);
    return { addresses, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(
  config: ControllerConfig,
  { clock = systemClock, log, env }: Surroundings,
  lifecycle: Lifecycle,
): Promise<RunningController['addresses']> {
  const { dir } = config;
  if (!existsSync(join(dir, databaseName))) {
    throw new PosternError('invalid-config', `there is no controller in ${dir}: run "postern-controller init" first`);
  }
  lifecycle.add('lock', lockDirectory(dir));
  const sealer = openSealer({ dir, env, create: false });
  const reserve = lifecycle.add('reserve', new DiskReserve({ dir, bytes: config.disk.reserveBytes, log }));
  let tellTrouble = (_why: string): void => {};
  const onTrouble = (why: 'disk-full' | 'disk-failed') => {
    if (why === 'disk-full') reserve.look();
    else reserve.failed();
    tellTrouble(why);
  };
  const store = lifecycle.add('store', await openStore(join(dir, databaseName), onTrouble));
  const { db } = store;
  const settings = await readSettings(db);
  const names = [...new Set(['localhost', '127.0.0.1', ...namesOf(config)])];
  const authority = await openAuthority({ store, sealer, clock, log, names });
  const { trustDomain } = settings;
  let anchors: LogAnchors | undefined;
  // Stops after the last checkpoint was signed, which goes to the places outside too.
  lifecycle.add('places outside of the log', { stop: () => anchors?.stop() });
  // Stops after whatever still writes records.
  const keeper = lifecycle.add('log', await LogKeeper.open({ db, sealer, clock, log, dir, trustDomain }));
  const known = new KnownCheckpoints({ db, keeper, clock, log });
  anchors = await LogAnchors.open({ db, sealer, clock, log, dir, keeper, known });
  keeper.witnessedBy(anchors);
  const life = lifecycle.add('life', new LifeRecords({ db, clock, log, isShort: () => reserve.state().short }));
  await life.begin();
  tellTrouble = (why) => life.failed(why);
  const generation = await openGeneration(db);
  const knocks = await openKnockSecrets({ db, sealer });
  const policy = new PolicyInForce();
  const decider = { policy: policy.current, timezone: settings.timezone };
  await loadPolicy({ db, clock, policy, decider }, log);
  const { judge } = lifecycle.add('policy judge', new PolicyJudge());

  const streams = lifecycle.add(
    'gateway streams',
    new GatewayStreams({ db, clock, log, authority, generation, knocks }),
  );
  const conditions = new GatewayConditions({ db, clock, log });
  const checks = lifecycle.add('checks of apps', new AppChecks(streams));
  const events = lifecycle.add('agent events', new AgentEvents({ db, clock, log }));
  const cuts = new CutWatch(db, clock);
  const file = join(dir, databaseName);
  const analyses = lifecycle.add('analyses', new AnalysisDesk({ file, timezone: settings.timezone, clock }));
  const onMended = (mended: Mended) => tellMended({ db, clock, log }, mended);
  const searches = lifecycle.add('searches', new SearchDesk({ db, place: { file, log: generation }, onMended }));
  const floor = retentionFloor(config);
  await tellFloor(db, clock.now(), floor, log);
  const pruner = lifecycle.add('pruner', new Pruner({ store, clock, log, floor }));
  const shadow = lifecycle.add('shadow', new Shadow({ db, clock, log }));
  await shadow.resume();
  const streamsAt = { file, streams: join(dir, 'streams') };
  const logStreams = lifecycle.add('log streams', new LogStreams({ db, sealer, clock, log, ...streamsAt }));
  await logStreams.look();
  const fresh = { streams, generation };
  const posture = { db, clock, decider, notify: events.notify.bind(events) };
  const identity = { store, sealer, clock, authority, decider };

  const reached = { bootstrap: '', mutual: '' };
  const opened = await openDoor({ config, db, clock, log, knocks }, lifecycle);
  const { door: entry, entrance, tell: frontDoor } = opened;
  const bootstrap = makeBootstrapServer({
    ...identity,
    log,
    reserve,
    entry,
    door: frontDoor,
    controllers: () => [reached.mutual],
  });
  lifecycle.add('bootstrap server', bootstrap);
  const mutual = makeMutualServer({
    ...identity,
    log,
    reserve,
    entry,
    agents: {
      ...deviceRoutes(identity),
      ...signInRoutes(identity),
      ...postureRoutes(posture),
      ...appRoutes({ db, clock, decider, organisation: settings.organisation, door: frontDoor.told }),
      ...grantRoutes({
        db,
        clock,
        decider,
        signer: () => authority.grantSigner(),
        trustDomain: authority.trustDomain,
        freshGateways: async (trx, site, session) => readyGateways(trx, await freshGateways(trx, fresh, site), session),
        knocks,
        awaitDoors: awaitDoors({ db, clock, cuts, fresh: (of) => freshGateways(of, fresh) }),
        budget: new DeviceBudget(config.grants.perSecond),
        onDecided: shadow.decided,
      }),
      ...eventRoutes({ db, events }),
    },
    me: meRoutes(identity),
    gateways: gatewayRoutes({ db, clock, authority, streams, checks, cuts, known, conditions, generation }),
  });
  lifecycle.add('mutual server', mutual);
  reached.bootstrap = reachedAt(config, 'bootstrap', await bootstrap.listen(placeOf(config, 'bootstrap')));
  reached.mutual = reachedAt(config, 'mutual', await mutual.listen(placeOf(config, 'mutual')));
  await openPreludePort(config, opened, lifecycle);

  const cutGateway = (id: string) => {
    streams.cut(id);
    mutual.cut((peer) => peer.role === 'gateway' && peer.id === id);
  };
  const policyStores = new PolicyStores(db, lifecycle.add('judge of policy stores', new StoreJudge()));
  const servicesParts = { db, clock, log, sealer, authority, decider, stores: policyStores, keeper };
  const services = await startServices(config, servicesParts);
  if (services !== undefined) lifecycle.add('services listener', services);
  const adminSocket = adminSocketOf(config);
  const parts = { store, db, sealer, clock, log, settings, authority, policy, decider, judge, generation };
  const followers = new LogFollowers(db);
  const admin: AdminParts = {
    ...parts,
    reserve,
    dir,
    keeper,
    known,
    streams,
    conditions,
    checks,
    events,
    cuts,
    cutGateway,
    door: frontDoor,
    analyses,
    searches,
    pruner,
    followers,
    shadow,
    reached: () => reached,
    policyStores,
    anchors,
    logStreams,
    services: () => services,
  };
  const adminServer = makeAdminServer(admin);
  lifecycle.add('admin socket', { stop: () => adminServer.close() });
  lifecycle.add('followers of the log', followers);
  await listenUnix(adminServer, adminSocket);
  const logGauges = [
    ...streamGauges({ db, sealer, logStreams }, clock),
    ...anchorGauges({ db, sealer, keeper, anchors }, clock),
  ];
  const control = { dir, entrance, knocks: async () => entry.counts(), log };
  lifecycle.add('door socket', await serveDoorControl(control));
  const metrics = await startMetrics(
    config,
    { store, streams, conditions, events, log, services, entry, logGauges },
    lifecycle,
  );
  const jobs = scheduleJobs({
    db,
    authority,
    fresh,
    posture,
    shadow,
    logStreams,
    searches,
    pruner,
    silent: new SilentGateways({ db, log, streams, conditions }),
    startedAt: clock.now(),
  });
  lifecycle.add('jobs', new JobRunner([...jobs, ...life.jobs(() => entry.counts())], { clock, log }));
  const served = services === undefined ? {} : { services: services.url };
  log.info({ ...reached, ...served, adminSocket, organisation: settings.organisation }, 'the controller is ready');
  return { ...reached, ...served, adminSocket, ...(metrics === undefined ? {} : { metrics }) };
}

/** A version that no longer compiles denies everything, and the owner at the socket can publish another (P6). */
async function loadPolicy(publishing: Parameters<typeof takeInForce>[0], log: Log): Promise<void> {
  try {
    const set = await publishing.policy.load(publishing.db);
    if (set !== undefined) await takeInForce(publishing, set);
  } catch (error) {
    if (!(error instanceof PosternError) || error.code !== 'policy-invalid') throw error;
    log.error({ err: error }, 'the policy in force cannot be used: nothing is granted until another is published');
  }
}

const placeOf = ({ listen }: ControllerConfig, door: Door) => ({ host: listen.host, port: listen[door] });

function namesOf(config: ControllerConfig): string[] {
  const told = (['bootstrap', 'mutual'] as const).map((door) => reachedAt(config, door, 1));
  const services = config.services.enabled ? [servicesAt(config, 1)] : [];
  return [...told, ...services].map((address) => address.replace(/:\d+$/, '').replaceAll(/[[\]]/g, ''));
}

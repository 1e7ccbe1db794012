/** The composition root of a gateway: the one place that constructs services. Tests start gateways in-process with it. */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, second, systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { hasPrelude } from '#shared/contracts/knock.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import { serveDoorControl } from '#shared/wire/doors/serve-door-control.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { PortClaim } from '#shared/wire/one-port/port-claim.ts';
import type { GatewayConfig } from './config.ts';
import { LogWatch } from './kept-log/watch-log.ts';
import { openKeys } from './keystore/key-files.ts';
import { type Membership, readMembership, writeMembership } from './keystore/membership.ts';
import { addCounts, type Counts } from './metrics/counters.ts';
import { createMetricsServer, type Health } from './metrics/metrics-server.ts';
import { openDoor } from './open-door.ts';
import { RecordDelivery } from './records/deliver-records.ts';
import { LeftSpools } from './records/left-spools.ts';
import { OwnRecords } from './records/own-records.ts';
import { UsePruner } from './records/prune-uses.ts';
import { SpoolDirectory } from './records/spool-directory.ts';
import { makeUseFolder, useFolderOf } from './records/use-files.ts';
import { StateKeeper } from './state/state-keeper.ts';
import { createKeySetServer } from './to-apps/key-set-server.ts';
import { Acknowledger } from './to-controller/acknowledge.ts';
import { answerChecks } from './to-controller/answer-checks.ts';
import { CertificateCare } from './to-controller/certificate-care.ts';
import { confirmCut } from './to-controller/confirm-cut.ts';
import { ControllerLink } from './to-controller/controller-link.ts';
import { ControllerTime } from './to-controller/controller-time.ts';
import { DeliveryWatch } from './to-controller/delivery-watch.ts';
import { followStream } from './to-controller/follow-stream.ts';
import { GatewayKnocks } from './to-controller/gateway-knocks.ts';
import { publishIdentityKey } from './to-controller/publish-identity-key.ts';
import { takeMessages } from './to-controller/take-messages.ts';
import { ConditionTeller } from './to-controller/tell-condition.ts';
import type { DataPlane, Place } from './workers/data-plane.ts';
import { lockGateway, outliveFormerWorkers } from './workers/former-workers.ts';
import { makePlane } from './workers/make-plane.ts';

export interface GatewayParts {
  readonly log: Log;
  readonly clock?: Clock;
}

export interface RunningGateway {
  readonly gateway: string;
  readonly site: string;
  /** Where agents are served. */
  readonly address: Place;
  /** Listeners for apps and for Prometheus; undefined when switched off. */
  readonly keySets: Place | undefined;
  readonly metrics: Place | undefined;
  readonly health: () => Health;
  stop(): Promise<void>;
}

/**
 * Resolves when agents are served, which needs a first snapshot from a controller: it waits for one as long as it takes, or
 * until `signal` aborts. Throws `invalid-config` for a directory that has not joined.
 */
export async function startGateway(
  config: GatewayConfig,
  { log, clock = systemClock }: GatewayParts,
  signal?: AbortSignal,
): Promise<RunningGateway> {
  const joined = readMembership(config.dir);
  if (joined === undefined) {
    throw new PosternError('invalid-config', `${config.dir} has not joined a controller: run postern-gateway join`);
  }
  const lifecycle = new Lifecycle(log);
  try {
    lifecycle.add('lock', lockGateway(config.dir));
    await outliveFormerWorkers(config.dir, log, signal);
    return await start(config, { log, clock, joined, lifecycle, signal });
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

interface Start {
  readonly log: Log;
  readonly clock: Clock;
  readonly joined: Membership;
  readonly lifecycle: Lifecycle;
  readonly signal: AbortSignal | undefined;
}

async function start(config: GatewayConfig, { log, clock, joined, lifecycle, signal }: Start): Promise<RunningGateway> {
  let member = joined;
  const membership = () => member;
  const remember = (changes: Partial<Membership>) => {
    member = { ...member, ...changes };
    writeMembership(config.dir, member);
  };
  const { gateway, site, trustDomain } = joined;
  const identity = { gateway, site, trustDomain };
  const keys = openKeys(config.dir);
  const keeper = new StateKeeper(identity, clock);
  const directory = new SpoolDirectory(join(config.dir, 'spool'));
  const leftSpools = lifecycle.add('left spools', new LeftSpools({ directory, clock, log }));
  const onSpoolLeft = (spool: string) => leftSpools.recover(spool);
  leftSpools.recoverAll();
  const uses = useFolderOf(directory.path);
  makeUseFolder(uses);
  const time = () => (keeper.isEmpty ? undefined : keeper.time());
  lifecycle.add('uses', new UsePruner({ folder: uses, time, log }));

  const ladders = new Ladders({ clock, log, proxy: { setting: config.proxy, env: process.env } });
  const own = new GatewayKnocks({ dir: config.dir, membership, clock });
  const link = lifecycle.add(
    'link',
    new ControllerLink({ membership, keys, clock, reach: ladders.toController('mutual', own.atController('mutual')) }),
  );
  const delivery = new DeliveryWatch(directory);
  const send = delivery.watch((spool, records) => link.client.records({ body: { spool, records } }));
  const condition = lifecycle.add(
    'condition',
    new ConditionTeller({ link, directory, limits: config.spool, delivery, time, log }),
  );
  lifecycle.add('record delivery', new RecordDelivery({ gateway, directory, log, send }));

  let countAll = async (): Promise<Counts> => ({});
  const knocks = async () => knocksIn(await countAll());
  // Ends before delivery does, which takes its last record along.
  const ownRecords = lifecycle.add(
    'own records',
    new OwnRecords({
      gateway,
      dir: config.dir,
      directory,
      maxBytes: config.spool.maxBytes,
      time: () => keeper.time(),
      knocks,
      log,
    }),
  );
  const logWatch = lifecycle.add(
    'kept log',
    new LogWatch({ dir: config.dir, link, log, tell: (event, details) => ownRecords.tell(event, details) }),
  );
  let askAgain = () => {};
  let doorChanged = () => {};
  let made: DataPlane | undefined;
  const { share, listen } = config;
  const { dir, kernelDoor } = share;
  const claim = dir === undefined ? undefined : lifecycle.add('shared port', new PortClaim({ dir, kernelDoor, log }));
  const door = await openDoor(
    { config, keeper, claim, clock, log, plane: () => made, onChanged: () => doorChanged() },
    lifecycle,
  );
  const plane = lifecycle.add(
    'data plane',
    makePlane(config, {
      identity,
      keys,
      keeper,
      directory,
      clock,
      log,
      own: () => ({ certificate: member.certificate, chain: member.chain }),
      onUnknownKey: () => askAgain(),
      onSpoolLeft,
      knocks: () => (hasPrelude(config.door) ? door.memory() : undefined),
      letIns: door.letIns,
      onCameIn: () => door.entrance.cameIn(),
    }),
  );
  made = plane;
  const care = lifecycle.add(
    'certificate care',
    new CertificateCare({
      link,
      membership,
      keys,
      clock,
      log,
      reach: ladders.toController('bootstrap', own.atController('bootstrap')),
      onIssued: ({ certificate, chain, bundle }) => {
        remember({ certificate, chain, bundle: [...bundle] } as Partial<Membership>);
        plane.setCertificate({ certificate, chain });
      },
    }),
  );
  await care.start();

  const acknowledger = lifecycle.add('acknowledger', new Acknowledger(link, log));
  const publishing = lifecycle.add('identity key', publishIdentityKey({ link, jwk: keys.identity.jwk, log }));
  const taking = takeMessages({
    keeper,
    plane,
    acknowledger,
    onGeneration: () => publishing.publish(),
    onCut: confirmCut(link, log),
    onState: door.follow,
    // Not before: until then it may be the way to the controller itself.
    beforeServing: async () => claim?.want({ tcp: [listen.prelude] }),
    onBundle: (bundle) => remember({ bundle: [...bundle] }),
  });
  const following = lifecycle.add(
    'stream',
    followStream({
      link,
      door: () => door.entrance.told(),
      time: new ControllerTime(clock),
      log,
      position: () =>
        keeper.isEmpty ? undefined : { generation: keeper.snapshot.generation, after: keeper.snapshot.n },
      onOpen: () => logWatch.soon(),
      onMessage: taking.onMessage,
      onCheck: answerChecks({
        link,
        log,
        app: (id) => (keeper.isEmpty ? undefined : keeper.snapshot.apps.get(id)),
        credential: keys.forApps,
      }),
    }),
  );
  askAgain = () => following.askAgain();
  doorChanged = () => following.doorChanged();

  const health = (): Health => ({
    state: keeper.isEmpty ? 'starting' : keeper.time() <= keeper.snapshot.freshUntil ? 'fresh' : 'stale',
    n: keeper.isEmpty ? 0 : keeper.snapshot.n,
    certificateSecondsLeft: Math.round(
      (new X509Certificate(member.certificate).validToDate.getTime() - clock.now()) / second,
    ),
    spoolBytes: [...directory.sizes().values()].reduce((sum, size) => sum + size, 0),
    log: logWatch.state(),
    condition: condition.state(),
    time: time(),
  });
  const counts = async () => addCounts([await plane.counts(), door.counts()]);
  countAll = counts;
  const metrics = config.metrics.enabled
    ? await serve(createMetricsServer({ counts, health, log }), config.metrics, lifecycle)
    : undefined;
  const control = { dir: config.dir, entrance: door.entrance, knocks, log };
  lifecycle.add('door socket', await serveDoorControl(control));
  const keySetServer = createKeySetServer(() => (keeper.isEmpty ? new Map() : keeper.snapshot.keySets), log);
  const keySets = config.keySets.enabled ? await serve(keySetServer, config.keySets, lifecycle) : undefined;

  const address = await untilAborted(taking.serving, signal);
  ownRecords.begin();
  logWatch.begin();
  condition.begin();
  log.info({ gateway, site, ...address }, 'serving');
  return { gateway, site, address, keySets, metrics, health, stop: () => lifecycle.stop() };
}

const knocksIn = (counts: Counts): Counts =>
  Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]) => {
      const [what, reason] = name.split('|');
      return what === 'knocks' && reason !== undefined ? [[reason, count]] : [];
    }),
  );

async function serve(
  server: ReturnType<typeof createMetricsServer>,
  place: Place,
  lifecycle: Lifecycle,
): Promise<Place> {
  lifecycle.add('listener', { stop: () => server.close() });
  const { address, port } = await listenTcp(server, { host: place.host, port: place.port });
  return { host: address, port };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

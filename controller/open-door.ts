/** What stands in front of the controller's two ports, made before either of them listens. */
import type { Clock } from '#shared/base/clock.ts';
import type { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { hasKernelDoor, hasPrelude } from '#shared/contracts/knock.ts';
import { KernelEntrance } from '#shared/wire/doors/kernel-entrance.ts';
import { LetIns } from '#shared/wire/doors/let-ins.ts';
import { OpenPort } from '#shared/wire/doors/open-port.ts';
import { PortGiver } from '#shared/wire/one-port/port-giver.ts';
import { checkShareDir } from '#shared/wire/one-port/share-place.ts';
import { TakeOver } from '#shared/wire/one-port/take-over.ts';
import type { KnockSecrets } from './authority/knock-secrets.ts';
import type { ControllerConfig } from './config.ts';
import type { TellDoor } from './from-agents/bootstrap-routes.ts';
import { ControllerDoor } from './from-agents/controller-door.ts';
import { type KnockCounters, openKnockCounters } from './identity/knock-counters.ts';
import type { Db } from './store/open-store.ts';

export interface OpenDoorParts {
  readonly config: ControllerConfig;
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly knocks: KnockSecrets;
}

export interface OpenedDoor {
  readonly door: ControllerDoor;
  readonly entrance: KernelEntrance;
  readonly tell: TellDoor;
  /** Where the gateway of this host has a port too. */
  readonly giver: PortGiver | undefined;
}

/** Throws `invalid-config` where a kernel door is wanted and cannot be. */
export async function openDoor(
  { config, db, clock, log, knocks }: OpenDoorParts,
  lifecycle: Lifecycle,
): Promise<OpenedDoor> {
  const { dir, listen, knock } = config;
  let memory: KnockCounters | undefined;
  lifecycle.add('knocks', { stop: () => memory?.stop() });
  const giver = await openShare(config, log, lifecycle);
  const letIns = new LetIns(clock, () => entrance.cameIn());
  const door = lifecycle.add(
    'door',
    new ControllerDoor({
      db,
      clock,
      log,
      knocks,
      memory: async () => (memory ??= await openKnockCounters(db)),
      hasPrelude: hasPrelude(config.door),
      letIns,
      onKeys: (isGood) => entrance.keysChanged(isGood),
    }),
  );
  const entrance: KernelEntrance = lifecycle.add(
    'kernel door',
    new KernelEntrance({
      dir,
      role: 'controller',
      host: listen.host,
      ports: { mutual: listen.mutual, bootstrap: listen.bootstrap },
      knockPorts: knock.ports,
      openSeconds: knock.openSeconds,
      preludePort: listen.prelude,
      hasPrelude: hasPrelude(config.door),
      clock,
      log,
      tell: (change) => letIns.apply(change),
      onCheck: () => letIns.forgetOld(),
      async judge() {
        await door.open();
        return door.judge;
      },
      shared: giver && {
        keepsPort: config.share.kernelDoor,
        start: (listener) => giver.serveKnocks(listener),
        stop: (listener) => giver.stopKnocks(listener),
      },
    }),
  );
  await entrance.clear(hasKernelDoor(config.door));
  if (hasKernelDoor(config.door)) await entrance.shut();
  if (hasPrelude(config.door)) await door.open();
  if (hasKernelDoor(config.door)) await entrance.listen();
  const tell = { told: () => entrance.told(), secrets: knocks, admitted: () => door.refresh() };
  return { door, entrance, tell, giver };
}

async function openShare({ share }: ControllerConfig, log: Log, lifecycle: Lifecycle): Promise<PortGiver | undefined> {
  if (share.dir === undefined) return undefined;
  checkShareDir(share.dir, true);
  const giver = lifecycle.add('shared port', new PortGiver(log, share.kernelDoor));
  await giver.listen(share.dir);
  return giver;
}

/** Behind it are both servers, chosen by the kind of the knock (P3): to be called when they are made. */
export async function openPreludePort(
  { listen: { host, prelude: port }, share }: ControllerConfig,
  { door: { prelude }, giver }: OpenedDoor,
  lifecycle: Lifecycle,
): Promise<void> {
  if (port === 0 || prelude === undefined) return;
  const open = new OpenPort(prelude);
  if (giver === undefined || share.dir === undefined) return lifecycle.add('open port', open).listen({ host, port });
  const takeOver = lifecycle.add('connections handed over', new TakeOver(prelude));
  await takeOver.listen(share.dir);
  await giver.serveTcp({ port, open: () => open.listen({ host, port }), close: () => open.stop() });
}

/**
 * The kernel door of a gateway (P25 to P28), in its primary: shut before anything listens. The prelude door is in each data path.
 */
import { type Clock, hour } from '#shared/base/clock.ts';
import type { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { hasKernelDoor, hasPrelude } from '#shared/contracts/knock.ts';
import { GoneCounters } from '#shared/wire/doors/gone-counters.ts';
import { KernelEntrance, type SharedKnocks } from '#shared/wire/doors/kernel-entrance.ts';
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import type { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { LetIns } from '#shared/wire/doors/let-ins.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import type { PortClaim } from '#shared/wire/one-port/port-claim.ts';
import { checkDoorPorts, type GatewayConfig } from './config.ts';
import { GatewayDoor } from './from-agents/gateway-door.ts';
import { knockMemoryIn } from './keystore/knock-memory-in.ts';
import type { Counts } from './metrics/counters.ts';
import type { StateKeeper } from './state/state-keeper.ts';
import type { DataPlane } from './workers/data-plane.ts';

export interface OpenDoorParts {
  readonly config: GatewayConfig;
  readonly keeper: StateKeeper;
  /** Of ports that the controller of this host has too. */
  readonly claim: PortClaim | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined before it is made. */
  readonly plane: () => Pick<DataPlane, 'tellLetIn' | 'recordKnock'> | undefined;
  /** What stands in front of this gateway has changed. */
  readonly onChanged: () => void;
}

export interface OpenedDoor {
  readonly entrance: KernelEntrance;
  readonly letIns: LetIns;
  /** What remembers knocks; undefined before the first state, as it is made at controller time. */
  readonly memory: () => FileReplayMemory | undefined;
  /** The state has changed. */
  readonly follow: () => void;
  readonly counts: () => Counts;
}

/** Throws `invalid-config` where a kernel door is wanted and cannot be. */
export async function openDoor(
  { config, keeper, claim, clock, log, plane, onChanged }: OpenDoorParts,
  lifecycle: Lifecycle,
): Promise<OpenedDoor> {
  checkDoorPorts(config);
  const { dir, listen, knock, door: mode } = config;
  let memory: FileReplayMemory | undefined;
  let gone: GoneCounters | undefined;
  lifecycle.add('knocks', { stop: () => memory?.stop() });
  const openMemory = () => {
    if (!keeper.isEmpty) memory ??= new FileReplayMemory(knockMemoryIn(dir), { now: () => keeper.time() });
    return memory;
  };
  const letIns = new LetIns(clock, () => entrance.cameIn());
  const passesOn = claim !== undefined;
  let door: GatewayDoor | undefined;
  const opened = (): GatewayDoor | undefined => {
    const known = openMemory();
    if (known === undefined) return undefined;
    const onRefused = (sample: RefusalSample) => plane()?.recordKnock(sample);
    door ??= new GatewayDoor({ memory: known, clock: { now: () => keeper.time() }, log, onRefused, passesOn });
    door.follow(keeper.snapshot.knockKeys);
    return door;
  };
  // Before the first state no key is known, and so no knock is good.
  const judge: Pick<KnockJudge, 'judge' | 'count'> = {
    judge: async (...given) => (await opened()?.judge.judge(...given)) ?? { ok: false, reason: 'unknown-key' },
    count: (...given) => opened()?.judge.count(...given),
  };
  const entrance: KernelEntrance = lifecycle.add(
    'kernel door',
    new KernelEntrance({
      dir,
      role: 'gateway',
      host: listen.host,
      ports: { mutual: listen.port },
      knockPorts: knock.ports,
      openSeconds: knock.openSeconds,
      preludePort: listen.prelude,
      hasPrelude: hasPrelude(mode),
      clock,
      log,
      tell: (change) => (plane() === undefined ? letIns.apply(change) : plane()?.tellLetIn(change)),
      onCheck: () => letIns.forgetOld(),
      judge: async () => judge,
      onChanged,
      shared: claim && sharedKnocks(claim, config.share.kernelDoor),
    }),
  );
  await entrance.clear(hasKernelDoor(mode));
  if (hasKernelDoor(mode)) {
    await entrance.shut();
    await entrance.listen();
  }
  return {
    entrance,
    letIns,
    memory: openMemory,
    follow() {
      const known = door;
      if (known !== undefined) {
        known.follow(keeper.snapshot.knockKeys);
        entrance.keysChanged((id) => known.has(id));
      }
      if (memory === undefined) return;
      gone ??= new GoneCounters(memory, hour);
      gone.look(() => keeper.snapshot.knockKeys.map(({ id }) => id));
    },
    counts: () => door?.counts() ?? {},
  };
}

/** What nobody here has the key of may be for the controller. */
const sharedKnocks = (claim: PortClaim, keepsPort: boolean): SharedKnocks => ({
  keepsPort,
  passOn: (bytes, source) => claim.knock(bytes, source),
  async start(listener) {
    await claim.want({ udp: listener.ports });
    await listener.start();
  },
  async stop(listener) {
    await listener.stop();
    claim.leave({ udp: [] });
  },
});

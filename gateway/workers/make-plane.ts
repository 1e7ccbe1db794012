/** One data path in this process, or several in workers. */
import { availableParallelism } from 'node:os';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { LetIns } from '#shared/wire/doors/let-ins.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import type { GatewayConfig } from '../config.ts';
import type { GatewayKeys } from '../keystore/key-files.ts';
import type { SpoolDirectory } from '../records/spool-directory.ts';
import { SpoolWriter } from '../records/spool-writer.ts';
import { UseFiles, useFolderOf } from '../records/use-files.ts';
import type { GatewayIdentity } from '../state/snapshot.ts';
import type { StateKeeper } from '../state/state-keeper.ts';
import { ClusterPlane } from './cluster-plane.ts';
import type { DataPlane } from './data-plane.ts';
import { LocalPlane } from './local-plane.ts';
import type { Own } from './worker-messages.ts';

export interface PlaneParts {
  readonly identity: GatewayIdentity;
  readonly keys: GatewayKeys;
  readonly keeper: StateKeeper;
  readonly directory: SpoolDirectory;
  readonly clock: Clock;
  readonly log: Log;
  readonly own: () => Own;
  readonly onUnknownKey: () => void;
  readonly onSpoolLeft: (spool: string) => void;
  /** Of a gateway with a prelude door; opened once the controller's time is known. */
  readonly knocks: () => ReplayMemory | undefined;
  /** Who was let in by the kernel door, as the primary knows it. */
  readonly letIns: LetIns;
  readonly onCameIn: () => void;
}

export function makePlane(config: GatewayConfig, parts: PlaneParts): DataPlane {
  const { identity, keys, keeper, directory, clock, log, own, onUnknownKey, onSpoolLeft, knocks, letIns, onCameIn } =
    parts;
  const { dir, listen, share, workerConfirmMs, spool } = config;
  const workers = countWorkers(config.workers);
  if (workers === 0) {
    const records = new SpoolWriter({ directory, log, ...spool });
    const used = new UseFiles(useFolderOf(directory.path));
    const shared = {
      identity,
      keys,
      own,
      listen,
      preludePort: listen.prelude,
      shareDir: share.dir,
      clock,
      log,
      onUnknownKey,
      knocks,
      letIns,
    };
    const plane = new LocalPlane({ ...shared, records, used });
    return new SpooledPlane(plane, records);
  }
  return new ClusterPlane({
    count: workers,
    confirmMs: workerConfirmMs,
    log,
    listen,
    onUnknownKey,
    onSpoolLeft,
    knocks,
    letIns,
    onCameIn,
    startOrder: () => ({
      dir,
      preludePort: listen.prelude,
      shareDir: share.dir,
      spoolDir: directory.path,
      spool: directory.newSpool(),
      spoolLimits: { ...spool, writers: workers },
      identity,
      own: own(),
      workers,
      logLevel: config.log.level,
      first: keeper.asMessage(),
      times: keeper.times,
      knocksSince: knocks()?.since,
      letIns: letIns.all(),
    }),
  });
}

/** -1 is one per core; a single core is better off with one process. */
function countWorkers(wanted: number): number {
  const cores = availableParallelism();
  return wanted >= 0 ? wanted : cores > 1 ? cores : 0;
}

/** The spool ends after what writes to it. */
class SpooledPlane implements DataPlane {
  readonly #plane: LocalPlane;
  readonly #records: SpoolWriter;

  constructor(plane: LocalPlane, records: SpoolWriter) {
    this.#plane = plane;
    this.#records = records;
  }

  start: DataPlane['start'] = (first, times) => this.#plane.start(first, times);
  apply: DataPlane['apply'] = (message, times) => this.#plane.apply(message, times);
  setCertificate: DataPlane['setCertificate'] = (own) => this.#plane.setCertificate(own);
  tellLetIn: DataPlane['tellLetIn'] = (change) => this.#plane.tellLetIn(change);
  recordKnock: DataPlane['recordKnock'] = (sample) => this.#plane.recordKnock(sample);
  counts: DataPlane['counts'] = () => this.#plane.counts();

  async stop(): Promise<void> {
    await this.#plane.stop();
    this.#records.stop();
  }
}

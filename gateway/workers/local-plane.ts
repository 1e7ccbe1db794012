/** Everything in one process: for tests and small hosts. */
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import type { LetInChange } from '#shared/wire/doors/let-ins.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import type { OwnCertificate } from '#shared/wire/mutual-tls.ts';
import { DataPath, type DataPathOptions } from '../from-agents/data-path.ts';
import type { Counts } from '../metrics/counters.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';
import type { StreamMessage } from '../state/stream-types.ts';
import type { DataPlane, Place } from './data-plane.ts';

export interface LocalPlaneOptions
  extends Omit<DataPathOptions, 'first' | 'times' | 'workers' | 'renewEverywhere' | 'own' | 'knocks'> {
  readonly knocks: () => ReplayMemory | undefined;
  /** The certificate in force. */
  readonly own: () => Pick<OwnCertificate, 'certificate' | 'chain'>;
}

export class LocalPlane implements DataPlane {
  readonly #options: LocalPlaneOptions;
  #path: DataPath | undefined;

  constructor(options: LocalPlaneOptions) {
    this.#options = options;
  }

  async start(first: StreamMessage, times: ControllerTimes): Promise<Place> {
    const { own, knocks, ...options } = this.#options;
    this.#path = new DataPath({ ...options, own: own(), knocks: knocks(), first, times, workers: 1 });
    const { address, port } = await this.#path.start();
    return { host: address, port };
  }

  async apply(message: StreamMessage, times: ControllerTimes): Promise<number> {
    return this.#path?.apply(message, times) ?? 0;
  }

  setCertificate(own: Pick<OwnCertificate, 'certificate' | 'chain'>): void {
    this.#path?.setCertificate(own);
  }

  tellLetIn(change: LetInChange): void {
    this.#options.letIns.apply(change);
  }

  recordKnock(sample: RefusalSample): void {
    this.#path?.recordKnock(sample);
  }

  async counts(): Promise<Counts> {
    return this.#path?.counts() ?? {};
  }

  async stop(): Promise<void> {
    await this.#path?.stop();
  }
}

/** The data paths of a gateway as its primary sees them: one in this process, or one in each worker. */
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import type { LetInChange } from '#shared/wire/doors/let-ins.ts';
import type { OwnCertificate } from '#shared/wire/mutual-tls.ts';
import type { Counts } from '../metrics/counters.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';
import type { StreamMessage } from '../state/stream-types.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface DataPlane {
  /** Begins to serve under the first snapshot; resolves when it listens. */
  start(first: StreamMessage, times: ControllerTimes): Promise<Place>;
  /** Resolves when the message is in force everywhere, with how many streams it closed. */
  apply(message: StreamMessage, times: ControllerTimes): Promise<number>;
  setCertificate(own: Pick<OwnCertificate, 'certificate' | 'chain'>): void;
  /** Who was let in by the kernel door. */
  tellLetIn(change: LetInChange): void;
  /** A knock by UDP was refused. */
  recordKnock(sample: RefusalSample): void;
  counts(): Promise<Counts>;
  stop(): Promise<void>;
}

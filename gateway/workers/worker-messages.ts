/** What primary and workers say to each other. No private key ever crosses: a worker reads the keystore itself. */
import type { LogLevel } from '#shared/base/log.ts';
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import type { LetInChange } from '#shared/wire/doors/let-ins.ts';
import type { OwnCertificate } from '#shared/wire/mutual-tls.ts';
import type { Renewal } from '../grants/renew-streams.ts';
import type { Counts } from '../metrics/counters.ts';
import type { SpoolLimits } from '../records/spool-room.ts';
import type { GatewayIdentity } from '../state/snapshot.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';
import type { StreamMessage } from '../state/stream-types.ts';
import type { Place } from './data-plane.ts';

export type Own = Pick<OwnCertificate, 'certificate' | 'chain'>;
export interface RenewOrder {
  readonly texts: readonly string[];
  readonly peer: { readonly id: string; readonly jkt: string };
}

export interface WorkerStart {
  readonly dir: string;
  readonly spoolDir: string;
  readonly spool: string;
  readonly spoolLimits: SpoolLimits;
  readonly identity: GatewayIdentity;
  readonly own: Own;
  readonly listen: Place;
  readonly preludePort: number;
  readonly shareDir: string | undefined;
  readonly workers: number;
  readonly logLevel: LogLevel;
  readonly first: StreamMessage;
  readonly times: ControllerTimes;
  /** Of a gateway that hides: since when the primary remembers knocks. */
  readonly knocksSince: number | undefined;
  /** Who was let in by the kernel door so far. */
  readonly letIns: readonly LetInChange[];
}

/** `id` pairs an answer with its question. */
export type ToWorker =
  | { readonly t: 'start'; readonly start: WorkerStart }
  | { readonly t: 'apply'; readonly id: number; readonly message: StreamMessage; readonly times: ControllerTimes }
  | { readonly t: 'own'; readonly own: Own }
  | { readonly t: 'renew-here'; readonly id: number; readonly order: RenewOrder }
  | { readonly t: 'renewed'; readonly id: number; readonly renewal: Renewal }
  | { readonly t: 'counts'; readonly id: number }
  /** `good` is undefined when the counter could not be kept. */
  | { readonly t: 'counted'; readonly id: number; readonly good: boolean | undefined }
  | { readonly t: 'let-in'; readonly change: LetInChange }
  /** A knock by UDP was refused: one worker puts it on record. */
  | { readonly t: 'knock'; readonly sample: RefusalSample }
  | { readonly t: 'stop' };

export type FromWorker =
  | { readonly t: 'ready'; readonly place: Place }
  | { readonly t: 'failed'; readonly why: string }
  | { readonly t: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly t: 'renew-all'; readonly id: number; readonly order: RenewOrder }
  | { readonly t: 'spool'; readonly spool: string }
  | { readonly t: 'counter'; readonly id: number; readonly key: string; readonly counter: number }
  | { readonly t: 'came-in' }
  | { readonly t: 'unknown-key' };

export type { Counts };

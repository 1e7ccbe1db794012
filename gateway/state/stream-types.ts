/** Types of the edge-2 stream that have no name in the contract. */
import type { App } from '#shared/contracts/app.ts';
import type {
  AppKeySet,
  KnockKey,
  Revocation,
  SigningKey,
  StreamMessage,
} from '#shared/contracts/gateway-to-controller.ts';

export type { StreamChange, StreamMessage } from '#shared/contracts/gateway-to-controller.ts';

export interface Floor {
  readonly app: string;
  readonly epoch: number;
}

export interface Spread {
  readonly from: number;
  readonly until: number;
}

/** The state of one generation as of change number `n`, in the form in which it was sent. */
export interface WireState {
  readonly generation: string;
  readonly n: number;
  readonly apps: readonly App[];
  readonly keys: readonly SigningKey[];
  readonly bundle: readonly string[];
  readonly revocations: readonly Revocation[];
  readonly floors: readonly Floor[];
  readonly denied: readonly string[];
  readonly keySets: readonly AppKeySet[];
  /** What may knock at this gateway's door (P26). */
  readonly knockKeys: readonly KnockKey[];
  /** What the controller could not keep. Not in a snapshot of the controller, and no snapshot takes it away. */
  readonly cuts?: readonly Revocation[];
  /** While many grants are renewed: between which controller times (milliseconds) agents come. Not in a snapshot of the controller. */
  readonly spread?: Spread;
}

/** The state as one snapshot message, for a worker that starts later. */
export function asSnapshot(state: WireState, time: number): StreamMessage {
  return { t: 'snapshot', time, ...state } as StreamMessage;
}

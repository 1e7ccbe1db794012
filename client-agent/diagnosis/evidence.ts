/** What the probes saw, without any judgement. Plain values, so that the rules are tested without a network. */
import type { PosternError } from '#shared/base/errors.ts';
import type { DeviceState } from '#shared/contracts/agent-to-controller.ts';
import type { LegFailure } from '#shared/wire/doors/leg-failure.ts';

/** Of a name: what the system makes of it, and what each of its resolvers said. */
export interface NameSeen {
  readonly host: string;
  readonly addresses: readonly string[];
  /** Code of the system's own failure (`ENOTFOUND`, `EAI_AGAIN`), or `no answer in time`. */
  readonly failed?: string;
  readonly resolvers: readonly { readonly server: string; readonly said: string }[];
}

/** Whether the system knows a way to an address; no packet is sent for it. */
export type RouteSeen = { readonly from: string } | { readonly failed: string };

/** What came back at port 80 of the controller's own address; undefined: nothing. */
export interface HttpSeen {
  readonly status: number;
  /** Host of `Location`. */
  readonly leadsTo?: string;
}

export interface CertificateSeen {
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** It leads to our roots and is good by this device's clock. */
  readonly isOurs: boolean;
  /** Why it is not (OpenSSL's code). */
  readonly refused?: string;
}

/** What a TLS greeting without a knock met. */
export type GreetingSeen =
  | { readonly met: 'certificate'; readonly certificate: CertificateSeen }
  /** Closed without a byte. */
  | { readonly met: 'closed' }
  /** Connected, and no byte came. */
  | { readonly met: 'silence' }
  /** Bytes that are no TLS. */
  | { readonly met: 'other-protocol' }
  | { readonly met: 'refused' }
  /** No answer to the connection itself. */
  | { readonly met: 'nothing' }
  | { readonly met: 'failed'; readonly code: string };

/** What the agent's own way met, with its knock and its certificate. */
export type CallSeen =
  /** The controller's time, in milliseconds since the epoch. */
  { readonly ok: true; readonly time: number } | { readonly ok: false; readonly error: PosternError };

export interface AddressSeen {
  /** `host:port`. */
  readonly address: string;
  readonly name: NameSeen | undefined;
  readonly route: RouteSeen | undefined;
  readonly http: HttpSeen | undefined;
  readonly greeting: GreetingSeen | undefined;
  readonly call: CallSeen;
}

export interface GatewaySeen {
  readonly id: string;
  readonly address: string;
  readonly hides: boolean;
  readonly call: { readonly ok: true; readonly state: string } | { readonly ok: false; readonly error: PosternError };
}

/** A way that is in use, and what failed when it was looked for. */
export interface WaySeen {
  /** `controller` or `gateway <id>`. */
  readonly door: string;
  readonly rung?: string;
  /** Rungs that would come before it. */
  readonly above: readonly string[];
  readonly isFailing: boolean;
  readonly lookedMsAgo: number;
  readonly failures: readonly LegFailure[];
}

/** What the network itself shows, whatever the controller does. */
export interface SurroundingsSeen {
  /** Own addresses other than loopback. */
  readonly interfaces: readonly string[];
  /** Names that nobody can have, and were answered all the same. */
  readonly wild: readonly { readonly name: string; readonly address: string }[];
  /** The portal that the network told this system of (RFC 8910), or what the system itself found. */
  readonly toldPortal?: string;
  /** Whether the system's time service has set the clock; undefined where it cannot be asked. */
  readonly clockSynchronised?: boolean;
}

/** What the agent knows of itself. */
export interface OwnFacts {
  /** Milliseconds since the epoch by this device's clock. */
  readonly now: number;
  /** Controller's time minus the device's, as last heard. */
  readonly clockOffsetMs?: number;
  /** Undefined before enrolment. */
  readonly certificate?: { readonly startsAt: number; readonly endsAt: number; readonly lastError?: PosternError };
  /** Whether there is something to knock with; `not-asked` where no agent runs that could. */
  readonly knock: 'held' | 'missing' | 'not-asked';
  /** Undefined before enrolment. */
  readonly device?: DeviceState;
  /** Undefined where no agent runs that would know. */
  readonly session?: { readonly signedIn: boolean; readonly idle: boolean };
}

export interface Evidence {
  readonly addresses: readonly AddressSeen[];
  readonly around: SurroundingsSeen;
  readonly own: OwnFacts;
  readonly gateways: readonly GatewaySeen[];
  readonly ways: readonly WaySeen[];
}

/** An answer of the controller, be it a refusal. */
export function isReached({ call }: Pick<AddressSeen, 'call'>): boolean {
  return call.ok || !['unreachable', 'peer-refused', 'bad-answer'].includes(call.error.code);
}

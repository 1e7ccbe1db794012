/**
 * What a decision rests on, as plain data: the shape that is stored as a snapshot (P32) and replayed. Times are
 * milliseconds of the controller's clock; nothing here is relative to "now", so that a snapshot stays the same while its
 * facts do.
 */
import type { ExactRequest, GrantAction } from '#shared/contracts/grant.ts';
import type { FactSource, FactStatus } from '#shared/contracts/posture.ts';

export interface PostureFact {
  /** Null when the status is `unknown`. */
  readonly value: boolean | number | string | null;
  readonly status: FactStatus;
  readonly source: FactSource;
  readonly measuredAt: number;
  /** From this moment on the fact is stale and counts as unknown. */
  readonly goodUntil: number;
}

export interface Facts {
  readonly v: 1;
  readonly person: {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly state: string;
    readonly risk: number;
    /** Effective groups, parents included; null when they could not be read (P8: no grants). */
    readonly groups: readonly string[] | null;
  };
  readonly device: {
    readonly id: string;
    readonly state: string;
    readonly ownership: string;
    readonly certificateEndsAt: number;
    /** By the names of `postureFacts`; what was never reported is absent and counts as unknown. */
    readonly posture: Readonly<Record<string, PostureFact>>;
    /** Admin-defined checks by id. */
    readonly checks: Readonly<Record<string, PostureFact>>;
  };
  /** Null when nobody is signed in on the device. */
  readonly session: {
    readonly id: string;
    readonly methods: readonly string[];
    readonly startedAt: number;
    readonly endsAt: number;
    readonly secondFactorAt: number | null;
  } | null;
  /** The address that the controller sees. */
  readonly network: { readonly address: string };
  /** IANA name of the organisation's timezone: what `time.minuteOfDay` and `time.weekday` are told in. */
  readonly timezone: string;
}

export interface AppFacts {
  readonly id: string;
  readonly kind: string;
  readonly site: string;
  readonly groups: readonly string[];
}

/** A canonical request (P9) and the name of its operation; the empty text when it has none. */
export interface RequestFacts extends ExactRequest {
  readonly operation: string;
}

export interface Question {
  readonly facts: Facts;
  readonly app: AppFacts;
  readonly act: GrantAction;
  readonly request?: RequestFacts | undefined;
  /** The app wants this request granted by itself, for one use (P18). */
  readonly forOne?: boolean;
  /** The address of `facts` is the one that the controller sees: which one counts, only the gateway knows (P10). */
  readonly networkUnknown?: boolean;
  /** The moment it is decided for. */
  readonly at: number;
}

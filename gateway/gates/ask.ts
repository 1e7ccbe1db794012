/** What a gate is asked and what it says. Gates are pure: everything they may know is here, in the snapshot or in `at`. */
import type { ErrorCode } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { CanonicalRequest } from '#shared/wire/canonical-request.ts';
import type { CompiledRules } from '../grants/compile-rules.ts';
import type { GrantReader } from '../grants/grant-cache.ts';
import type { UsedGrants } from '../grants/used-grants.ts';
import type { GatewaySnapshot } from '../state/snapshot.ts';

/** The facts of the proven leaf that gates look at; `notAfter` in milliseconds. */
export interface AskingPeer {
  readonly role: string;
  readonly id: string;
  /** `<role>/<id>`. */
  readonly name: string;
  readonly jkt: string;
  readonly notAfter: number;
}

/** How much of an app is in use when a request comes. */
export interface Usage {
  /** Requests and streams of the asking device that are running. */
  readonly running: number;
  /** Requests of everybody that the app may still get now, by its rate. */
  readonly left: number;
  /** Milliseconds until there is one more, when none is left. */
  readonly retryAfterMs: number;
}

export interface Ask {
  readonly kind: 'request' | 'upgrade' | 'connect';
  /** Undefined when no certificate was admitted. */
  readonly peer: AskingPeer | undefined;
  /** The network address that the gateway sees, from `plainAddress`. */
  readonly address: string;
  readonly method: string;
  /** The request target as it came; of a CONNECT `host:port`. */
  readonly url: string;
  readonly host: string;
  readonly grant: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
  readonly fetchDest: string | undefined;
  /** Announced bytes of the body; undefined when none are announced. */
  readonly contentLength: number | undefined;
  readonly grants: GrantReader;
  readonly used: Pick<UsedGrants, 'has'>;
  readonly usage: (app: App) => Usage;
  /** What earlier gates have established, for later ones, the record and the forwarding. */
  readonly found: {
    claims?: GrantClaims;
    kid?: string;
    /** Undefined when the rules of `claims` have something in them that is not known here. */
    rules?: CompiledRules | undefined;
    /** Numbers of the policies that determined what the rules say. */
    policies?: readonly number[];
    app?: App;
    canonical?: CanonicalRequest;
  };
}

export interface Refusal {
  readonly code: ErrorCode;
  /** Safe for the peer to read. */
  readonly tell?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Undefined: nothing speaks against it here. */
export type Verdict = Refusal | undefined;

/** `at`: the controller's time in milliseconds (P19). */
export type Gate = (ask: Ask, state: GatewaySnapshot, at: number) => Verdict;

export const refuse = (code: ErrorCode, more: Omit<Refusal, 'code'> = {}): Refusal => ({ code, ...more });

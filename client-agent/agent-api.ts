/**
 * Types between the agent's core (keystore, to-controller, to-gateway, grants) and its local side (from-apps, portal, cli,
 * control). The core decides nothing about local connections; the local side knows no keys, sessions or grants.
 */
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Clock } from '#shared/base/clock.ts';
import type { ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import type { AppListed, DeviceState } from '#shared/contracts/agent-to-controller.ts';
import type { ExactRequest, GrantAction } from '#shared/contracts/grant.ts';
import type { myAccount } from '#shared/contracts/my-account.ts';
import type { Fix, SignInMethod, SignInPurpose, SignInState } from '#shared/contracts/sign-in.ts';
import type { Client } from '#shared/wire/call-contract.ts';
import type { LegFailure } from '#shared/wire/doors/leg-failure.ts';
import type { ClientDesk } from './clients/client-desk.ts';
import type { DoctorLeg, Trouble } from './diagnosis/legs.ts';
import type { CollectedCheck } from './posture/checks.ts';
import type { CollectedFact } from './posture/collect.ts';

export interface Agent extends Stoppable {
  readonly profile: string;
  state(): AgentState;
  /** The last list that the controller gave; refreshed on events. Empty while nobody is signed in. */
  apps(): readonly AppListed[];
  refreshApps(): Promise<readonly AppListed[]>;
  readonly signIn: SignInFlows;
  /** Ends the session here even when the controller cannot be told. */
  signOut(): Promise<void>;
  readonly me: Client<typeof myAccount>;
  readonly posture: PostureDesk;
  /** The last refusals, newest first; of one app when it is named. */
  why(app?: string): readonly Refused[];
  /** To be called for every new local connection and for client bytes (P19): what session idleness is judged by. Cheap. */
  activity(): void;
  readonly traffic: AppTraffic;
  /** Requests that wait for the person now. */
  holds(): readonly Hold[];
  /** Ends the wait of one hold (the person declined): its request fails with the refusal that began it. */
  giveUp(hold: string): void;
  /** What `postern doctor` shows: each leg looked at by its own means, within 2 s. */
  doctor(): Promise<readonly DoctorLine[]>;
  /** Renews the certificate now, with the same key (P4); by itself it does so long before the end. */
  renew(): Promise<void>;
  /** Changes the device key (P4). Sessions and what runs live on; grants in hand are asked for anew. */
  rekey(): Promise<void>;
  /** Listeners must not throw. Returns the way to stop listening. */
  on(listener: (event: LocalEvent) => void): () => void;
}

export interface AgentState {
  readonly profile: string;
  readonly organisation: string;
  readonly person: { readonly id: string; readonly name: string };
  readonly device: {
    readonly id: string;
    readonly state: DeviceState;
    /** What employee and admin compare. */
    readonly fingerprint: string;
    /** True until the first sign-in of somebody who never had factors: `start('sign-in')` will ask to set them. */
    readonly firstFactors: boolean;
  };
  readonly session: {
    readonly signedIn: boolean;
    /** Signed in, but one factor is wanted (`start('resume')`). */
    readonly idle: boolean;
    readonly expiresInMs?: number;
  };
  readonly controller: {
    /** Undefined before the first call has ended. */
    readonly reachable: boolean | undefined;
    readonly addresses: readonly string[];
    /** Why not, in the code of the last failure. */
    readonly failure?: ErrorCode;
    /** The leg that fails, while none of the controller's addresses is reached and once it was looked at. */
    readonly trouble?: Trouble;
    /** True while `GET /v1/events` is open. */
    readonly events: boolean;
  };
  /** How each door is reached: which rung of the ladder worked last, and what failed when it was looked for. */
  readonly ways: readonly {
    readonly door: string;
    readonly address: string;
    readonly rung?: string;
    /** Nothing led there at the last try; a connection from before may still be open. */
    readonly isFailing: boolean;
    readonly failedMsAgo?: number;
    /** Rungs that would come before the one in use. */
    readonly above: readonly string[];
    /** Of the last look for the way, in which these failed. */
    readonly lookedMsAgo: number;
    readonly failures: readonly LegFailure[];
  }[];
  readonly certificate: { readonly endsInMs: number; readonly renewsInMs: number };
  readonly posture: {
    readonly reportedMsAgo?: number;
    /** Facts and checks by their last report: `check:<id>` for checks. */
    readonly failing: readonly string[];
    readonly unknown: readonly string[];
  };
  /** Controller's time minus the device's, in ms; for information only (P19). */
  readonly clockOffsetMs?: number;
}

export interface SignInFlows {
  start(purpose: SignInPurpose): Promise<SignInStateShown>;
  /** `value`: password or code; none for `set-totp`. A session in the answer is kept and used from then on. */
  answer(flow: string, method: SignInMethod, value?: string): Promise<SignInStateShown>;
}
/** The secret of a session never leaves the core. */
export type SignInStateShown = Omit<SignInState, 'session'> & { readonly signedIn: boolean };

export interface PostureDesk {
  last(): PostureShown | undefined;
  /** Collects, signs, sends; resolves with what was sent. Calls while one runs join it. */
  reportNow(): Promise<PostureShown>;
}

export interface PostureShown {
  readonly reportedAt: number;
  /** Sequence number of the report, or undefined when it could not be sent: `failure` says why. */
  readonly seq?: number;
  readonly failure?: PosternError;
  readonly facts: readonly CollectedFact[];
  readonly checks: readonly (CollectedCheck & { readonly title: string; readonly fix?: string })[];
  /** As the controller counts them now. */
  readonly judged: readonly { fact: string; state: 'pass' | 'fail' | 'unknown' | 'stale'; freshForMs: number }[];
}

/** One refusal, by controller or gateway, as `postern why` shows it. */
export interface Refused {
  readonly at: number;
  readonly app: string;
  readonly act: GrantAction;
  readonly by: 'controller' | 'gateway' | 'agent';
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail?: string;
  readonly fixes: readonly Fix[];
  readonly trace: string;
  readonly gateway?: string;
  /** Without a query: it may hold secrets. */
  readonly request?: Pick<ExactRequest, 'method' | 'host' | 'path'>;
  /** Name of the client of `postern client add` that asked, if any. It stays on this device. */
  readonly client?: string;
}

export interface Hold {
  readonly id: string;
  readonly app: string;
  readonly kind: 'step-up' | 'fix-device';
  /** For `step-up`: which flow to start. */
  readonly purpose?: SignInPurpose;
  readonly code: ErrorCode;
  readonly since: number;
  /** Of `since` plus 90 s. */
  readonly until: number;
  readonly detail?: string;
  readonly fixes: readonly Fix[];
  readonly trace: string;
  readonly request?: Refused['request'];
  readonly client?: string;
}

export type LocalEvent =
  /** Something that `state()` shows has changed. */
  | { readonly type: 'state' }
  | { readonly type: 'apps' }
  | { readonly type: 'session'; readonly signedIn: boolean; readonly reason?: string }
  | { readonly type: 'posture' }
  | { readonly type: 'step-up-wanted'; readonly app: string }
  | { readonly type: 'refused'; readonly refused: Refused }
  | { readonly type: 'hold'; readonly hold: Hold }
  | { readonly type: 'hold-ended'; readonly id: string; readonly how: 'went-on' | 'gave-up' | 'too-long' };

export interface AppTraffic {
  /**
   * Gets a grant, calls `send`, and acts on what the gateway says (`next`): a new grant and one repetition, another gateway, or
   * a wait for the person. While `send` runs, its grant is renewed at the gateway (P15), so `send` must not resolve before the
   * exchange, upgrade or tunnel has ended. Rejects with the PosternError to answer with; nothing was sent to the client then,
   * unless `send` itself did so.
   */
  run<T>(order: TrafficOrder<T>): Promise<T>;
  /** A tunnel to a TCP app, open when this resolves. Renewed until it closes. */
  openTunnel(order: TunnelOrder): Promise<Duplex>;
}

export interface TrafficOrder<T> {
  readonly app: string;
  /** From `exactRequestOf` (grants/exact-request.ts); undefined for a request too long to be named in a grant. */
  readonly exact: ExactRequest | undefined;
  /** 32 hex digits; also to be sent to the gateway as `Postern-Trace`. */
  readonly trace: string;
  /** Name of the client that it is for, if any. */
  readonly client?: string | undefined;
  /** False: a refusal that waits for the person is thrown at once (a navigation that shows the portal instead). */
  readonly hold: boolean;
  readonly signal?: AbortSignal;
  send(lease: Lease): Promise<Sent<T>>;
}

export interface TunnelOrder {
  readonly app: string;
  readonly trace: string;
  readonly client?: string | undefined;
  readonly hold: boolean;
  readonly signal?: AbortSignal;
}

/** Use it for this one `send` and keep nothing of it. */
export interface Lease {
  /** For the header `Postern-Grant`. */
  readonly grant: string;
  readonly grantId: string;
  readonly gateway: string;
  /** P18: good for one use, so that what may have arrived is not sent again by itself, whatever it is. */
  readonly once: boolean;
  /** To be spread into ForwardOptions. */
  readonly forward: {
    readonly dispatcher: Dispatcher;
    readonly origin: string;
    readonly servername: string;
  };
}

/**
 * What became of one `send`. `readOutcome` (to-gateway/read-outcome.ts) makes it from a ForwardOutcome whose `keepBack` was
 * `isGatewayRefusal`.
 */
export type Sent<T> =
  | { readonly done: T }
  /** The gateway refused or could not be reached. `canRepeat`: the body is still whole (none, kept, or not begun). */
  | { readonly refused: PosternError; readonly canRepeat: boolean };

/** One step that `postern doctor` looked at. */
export interface DoctorLine {
  /** `name controller.example`. */
  readonly name: string;
  /** False: here it fails. Undefined: cannot be told, or not as it should be without being in the way. */
  readonly ok: boolean | undefined;
  /** What was seen. */
  readonly detail: string;
  readonly fix?: string;
  /** Of what is on the way to controller and gateways. */
  readonly leg?: DoctorLeg;
  /** One sentence with the leg's name in it, for messages; only where it fails. */
  readonly says?: string;
}

/** What wiring gives to the local side. */
export interface LocalParts<C = unknown> {
  readonly agent: Agent;
  readonly config: C;
  /** Of the profile, 0700. */
  readonly directory: string;
  readonly clients: ClientDesk;
  readonly clock: Clock;
  readonly log: Log;
}

/** The running local side: portal, reverse proxy, proxies, local ports. */
export interface LocalSide extends Stoppable {
  /** Where it listens, for `status` and for tests with port 0: `{ name: 'portal', address: 'http://postern.localhost:7070' }`. */
  addresses(): readonly { readonly name: string; readonly address: string }[];
  /** For `postern open [app]`: a 0600 file that signs a browser in once and goes on to the app, or to the portal (P30). */
  openLink(app?: string): Promise<{ readonly file: string; readonly url: string }>;
}

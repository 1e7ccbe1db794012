/**
 * Everything that is running: plain requests, streams, WebSockets, tunnels. A request enters before anything about it waits
 * (P16); from then on a revocation, a withdrawn key, a denied device or the end of its last grant cuts it (P15).
 */
import { Bag, type Placed } from '#shared/base/bag.ts';
import { second } from '#shared/base/clock.ts';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import { type GrantClaims, streamGrace } from '#shared/contracts/grant.ts';
import type { RuledRequest } from './residual-ask.ts';
import type { RevocationSet } from './revocation-set.ts';

export interface LiveOrder {
  readonly claims: GrantClaims;
  /** The key that signed `claims`. */
  readonly kid: string;
  /** Its own original request, by which each next grant is judged. */
  readonly ruled: Omit<RuledRequest, 'app'>;
  /** Called every five minutes of its life. */
  readonly onProgress?: () => void;
}

export class LiveEntry implements Placed {
  claims: GrantClaims;
  kid: string;
  readonly ruled: LiveOrder['ruled'];
  readonly onProgress: (() => void) | undefined;
  /** The number its first grant was decided at: what came later can take it back. */
  readonly firstSeen: number;
  /** What is running, once there is something to end. */
  running: { cut(error: PosternError): void } | undefined;
  nextProgressAt: number;
  /** The app may have had a byte of it. */
  wasSent = false;
  place = -1;
  #cutBy: PosternError | undefined;
  #grants: Set<string> | undefined;

  constructor(order: LiveOrder, nextProgressAt: number) {
    this.claims = order.claims;
    this.kid = order.kid;
    this.ruled = order.ruled;
    this.onProgress = order.onProgress;
    this.firstSeen = order.claims.seen;
    this.nextProgressAt = nextProgressAt;
  }

  /** Every grant it has lived on; made when it is asked for, since most have one and are gone before. */
  get grants(): Set<string> {
    this.#grants ??= new Set([this.claims.jti]);
    return this.#grants;
  }

  /** Why it was cut; undefined while it may go on. */
  get cutBy(): PosternError | undefined {
    return this.#cutBy;
  }

  /** Controller time in milliseconds. */
  get endsAt(): number {
    return (this.claims.exp + streamGrace) * second;
  }

  /** True the first time. */
  cut(error: PosternError): boolean {
    if (this.#cutBy !== undefined) return false;
    this.#cutBy = error;
    this.running?.cut(error);
    return true;
  }
}

const progressMs = 300 * second;

export class LiveTable {
  readonly #entries = new Bag<LiveEntry>();
  readonly #waiting: (() => void)[] = [];

  get size(): number {
    return this.#entries.size;
  }

  enter(order: LiveOrder, at: number): LiveEntry {
    const entry = new LiveEntry(order, at + progressMs);
    this.#entries.add(entry);
    return entry;
  }

  leave(entry: LiveEntry): void {
    this.#entries.delete(entry);
    if (this.#entries.size > 0) return;
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** Resolves once nothing is running. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#entries.size === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }

  entries(): readonly LiveEntry[] {
    return this.#entries.all();
  }

  /** Cuts what rests on anything taken back; returns how many that were. */
  cutRevoked(revocations: RevocationSet): number {
    if (revocations.size === 0) return 0;
    return this.cutWhere('grant-revoked', ({ claims, firstSeen, grants }) => {
      const { sub, did, sid, app, jti } = claims;
      // The first may have been forged under a key that leaked: its number counts only as far as a later grant bears it out.
      const seen = Math.min(firstSeen, claims.seen);
      const rested = { person: sub, device: did, session: sid, app, grant: jti, seen };
      return revocations.match(rested) !== undefined || revocations.namesAny(grants);
    });
  }

  /** The error says why to whoever has not had an answer yet. */
  cutWhere(code: ErrorCode, test: (entry: LiveEntry) => boolean): number {
    let count = 0;
    for (const entry of this.#entries.all()) if (test(entry) && entry.cut(new PosternError(code))) count += 1;
    return count;
  }

  /** Cuts what has outlived its last grant by more than the grace, and tells the others of their progress. */
  tick(at: number): number {
    for (const entry of this.#entries.all()) {
      if (at < entry.nextProgressAt) continue;
      entry.nextProgressAt = at + progressMs;
      entry.onProgress?.();
    }
    return this.cutWhere('stream-cut', (entry) => at >= entry.endsAt);
  }
}

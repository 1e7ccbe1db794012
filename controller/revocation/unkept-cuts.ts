/**
 * Cuts that the disk of the controller did not take: gateways are told all the same, since they only take away, and hold them for as long as a grant
 * from before can be alive. Nothing of them is kept here but in memory: they have no change number, end no session, and must be made again.
 */
import { EventEmitter, once } from 'node:events';
import { randomId } from '#shared/base/bytes.ts';
import { type Clock, second } from '#shared/base/clock.ts';
import type { CutOrder, Revocation } from '#shared/contracts/gateway-to-controller.ts';
import { grantReach } from '#shared/contracts/grant.ts';

export interface UnkeptCut {
  readonly id: string;
  readonly at: number;
  readonly revocation: Revocation;
  /** The one site whose gateways hear of it; undefined for all (P1). */
  readonly site: string | undefined;
  readonly actor: string;
  readonly because: string | undefined;
  /** By gateway: after how many milliseconds it was confirmed, and how many streams it ended. */
  readonly confirmed: ReadonlyMap<string, { readonly afterMs: number; readonly streams: number }>;
}

type Asked = Pick<UnkeptCut, 'site' | 'actor' | 'because'> & Pick<Revocation, 'kind' | 'id'>;
interface Held extends UnkeptCut {
  readonly confirmed: Map<string, { afterMs: number; streams: number }>;
  isTold: boolean;
  isMadeAgain: boolean;
}

const most = 1000;

export class UnkeptCuts {
  readonly #clock: Clock;
  readonly #cuts: Held[] = [];
  readonly #bell = new EventEmitter().setMaxListeners(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `change`: the number that stands in the store, which every grant so far is at or below. */
  add({ site, actor, because, kind, id }: Asked, change: number): UnkeptCut {
    const at = this.#clock.now();
    // The next change takes this number, and what is decided after it is not matched.
    const revocation = { kind, id, seen: change + 1, until: at + grantReach * second, reason: 'revoked' as const };
    const held: Held = {
      id: `cut_${randomId()}`,
      at,
      revocation,
      site,
      actor,
      because,
      confirmed: new Map(),
      isTold: false,
      isMadeAgain: false,
    };
    this.#cuts.push(held);
    if (this.#cuts.length > most) this.#cuts.shift();
    return held;
  }

  /** What a gateway of this site must hold now. */
  ordersFor(site: string): CutOrder[] {
    const now = this.#clock.now();
    return this.#cuts
      .filter(({ revocation, ...cut }) => revocation.until > now && (cut.site === undefined || cut.site === site))
      .map(({ id, revocation }) => ({ t: 'cut', id, time: now, revocations: [revocation] }));
  }

  confirm(gateway: string, id: string, streams: number): void {
    const cut = this.#cuts.find((one) => one.id === id);
    if (cut === undefined || cut.confirmed.has(gateway)) return;
    cut.confirmed.set(gateway, { afterMs: Math.max(0, this.#clock.now() - cut.at), streams });
    this.#bell.emit('confirmed');
  }

  /** Resolves when a gateway confirms one, or after `ms`. */
  async nextConfirmed(ms: number): Promise<void> {
    await once(this.#bell, 'confirmed', { signal: AbortSignal.timeout(ms) }).catch(() => undefined);
  }

  /** The same was taken back for good. */
  madeAgain(kind: string, id: string): void {
    for (const cut of this.#cuts) if (cut.revocation.kind === kind && cut.revocation.id === id) cut.isMadeAgain = true;
    this.#forget();
  }

  /** Those that nobody has made again. */
  waiting(): readonly UnkeptCut[] {
    return this.#cuts.filter(({ isMadeAgain }) => !isMadeAgain);
  }

  /** Of which no record tells yet. `record` throws while the disk takes none. */
  async tell(record: (cut: UnkeptCut) => Promise<unknown>): Promise<void> {
    for (const cut of this.#cuts.filter(({ isTold }) => !isTold)) {
      await record(cut);
      cut.isTold = true;
    }
    this.#forget();
  }

  #forget(): void {
    const now = this.#clock.now();
    const kept = this.#cuts.filter((cut) => !cut.isTold || !cut.isMadeAgain || cut.revocation.until > now);
    this.#cuts.splice(0, this.#cuts.length, ...kept);
  }
}

/** The knock keys of one door, found by their rotating ids (P25, P26): one look-up, whatever is thrown at it. */
import { type DoorTimes, epochOf, type KnockKind } from '../../contracts/knock.ts';
import { type KnockKey, knockClientId, knockKeyId, openKnockKey } from '../../crypto/knock-keys.ts';

export interface KnockCredential {
  /** Names this key and no other one ever: what the replay memory goes by. */
  readonly id: string;
  /** Whose it is: `device/<id>`, `gateway/<id>` or `invitation/<id>`. */
  readonly client: string;
  /** What this door was given (`doorSecret`), 32 bytes. */
  readonly secret: Uint8Array;
  readonly kinds: readonly KnockKind[];
  /** Controller time in milliseconds: when it was made, and from when it is no longer good; undefined for no end. */
  readonly since: number;
  readonly until?: number | undefined;
}

export interface RingKey {
  readonly key: KnockKey;
  readonly clientId: Buffer;
  readonly credential: KnockCredential;
  readonly isGone: boolean;
}

/** One id of a key: `epoch` is the only one in which it may be used. */
export interface RingEntry extends RingKey {
  readonly epoch: number;
}

/** Keys taken back that are still recognised, so that their knocks are counted as what they are; then as unknown ones. */
const maxGone = 1000;

export class KeyRing {
  readonly #times: DoorTimes;
  /** By credential. Of those gone the oldest come first, as each was put in anew when it went. */
  readonly #keys = new Map<string, RingKey>();
  readonly #gone = new Set<string>();
  readonly #entries = new Map<string, RingEntry>();
  #first = 0;
  #last = -1;

  constructor(times: DoorTimes) {
    this.#times = times;
  }

  /** Keys in force. */
  get size(): number {
    return this.#keys.size - this.#gone.size;
  }

  /** Adds a credential; one with the same id is replaced. */
  put(credential: KnockCredential): void {
    const { id, client, secret } = credential;
    this.#drop(id);
    this.#gone.delete(id);
    this.#add(id, { key: openKnockKey(secret), clientId: knockClientId(client), credential, isGone: false });
  }

  /** Takes a key back: its knocks are refused as `revoked` from now on. */
  remove(id: string): void {
    const found = this.#keys.get(id);
    if (found === undefined || found.isGone) return;
    this.#drop(id);
    this.#add(id, { ...found, isGone: true });
    this.#gone.add(id);
    const [oldest] = this.#gone;
    if (this.#gone.size <= maxGone || oldest === undefined) return;
    this.#gone.delete(oldest);
    this.#drop(oldest);
  }

  /** Only these from now on; what is not among them is taken back. */
  keepOnly(credentials: readonly KnockCredential[]): void {
    const kept = new Set(credentials.map(({ id }) => id));
    for (const id of [...this.#keys.keys()]) if (!kept.has(id)) this.remove(id);
    for (const credential of credentials) if (!this.#holds(credential)) this.put(credential);
  }

  #holds({ id, client, secret, until }: KnockCredential): boolean {
    const known = this.#keys.get(id);
    if (known === undefined || known.isGone) return false;
    const { credential } = known;
    return (
      credential.client === client && credential.until === until && Buffer.compare(credential.secret, secret) === 0
    );
  }

  has(id: string): boolean {
    return this.#keys.get(id)?.isGone === false;
  }

  /** `keyId` as Latin-1 text, `now` in controller time. */
  find(keyId: string, now: number): RingEntry | undefined {
    this.#turn(now);
    return this.#entries.get(keyId);
  }

  /** Once an epoch: ids of the next are added for all keys, those of the oldest forgotten. */
  #turn(now: number): void {
    const { toleranceMs } = this.#times;
    const first = epochOf(Math.max(0, now - toleranceMs), this.#times);
    const last = epochOf(now + toleranceMs, this.#times);
    // A small step back changes nothing that is held; ids of some epochs more do no harm, as the time itself is judged.
    if (first >= this.#first && last <= this.#last && first - this.#first <= 1) return;
    this.#first = first;
    this.#last = last + 1;
    this.#entries.clear();
    for (const key of this.#keys.values()) this.#enter(key);
  }

  #add(id: string, key: RingKey): void {
    this.#keys.set(id, key);
    this.#enter(key);
  }

  #enter(ring: RingKey): void {
    for (let epoch = this.#first; epoch <= this.#last; epoch += 1) {
      this.#entries.set(idText(ring, epoch), { ...ring, epoch });
    }
  }

  #drop(id: string): void {
    const found = this.#keys.get(id);
    if (found === undefined) return;
    this.#keys.delete(id);
    for (let epoch = this.#first; epoch <= this.#last; epoch += 1) this.#entries.delete(idText(found, epoch));
  }
}

const idText = ({ key }: RingKey, epoch: number): string => knockKeyId(key, epoch).toString('latin1');

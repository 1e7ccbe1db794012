/** Writes the knocks of one device or gateway. */
import { fromBase64url } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import { type KnockKind, knockSecretBytes, timesOfDoor } from '../../contracts/knock.ts';
import { asPrelude, encodeKnock } from '../../crypto/encode-knock.ts';
import { doorSecret, type KnockKey, openKnockKey } from '../../crypto/knock-keys.ts';
import type { KnockCounter } from './knock-counter.ts';
import type { KnockSource } from './knock-source.ts';

export interface KnockOrder {
  /** Base64url, of which each door has its own key. */
  readonly secret: string;
  readonly door: string;
  readonly kind: KnockKind;
}

/** Keys last used: a handful of doors, each session's new. */
const maxKeys = 32;

export class Knocker {
  readonly #client: string;
  readonly #counter: KnockCounter;
  readonly #clock: Clock;
  readonly #keys = new Map<string, KnockKey>();

  /** `client`: `device/<id>`, `gateway/<id>` or `invitation/<id>`. */
  constructor(client: string, counter: KnockCounter, clock: Clock) {
    this.#client = client;
    this.#counter = counter;
    this.#clock = clock;
  }

  /** The first bytes of a connection to this door. Throws as `datagram`. */
  prelude(order: KnockOrder): Buffer {
    return asPrelude(this.datagram(order));
  }

  /** A knock by UDP. Throws `bad-answer` for a secret that is none. */
  datagram({ secret, door, kind }: KnockOrder): Buffer {
    const key = this.#keyOf(secret, door);
    const knock = { client: this.#client, time: this.#clock.now(), counter: this.#counter.next(), kind };
    return encodeKnock(key, timesOfDoor(door), knock);
  }

  /** For one door. */
  source(order: KnockOrder): KnockSource {
    return {
      prelude: async () => this.prelude(order),
      datagram: async () => this.datagram(order),
      silence: () => this.silence(),
    };
  }

  /** The last one met silence. */
  silence(): void {
    this.#counter.leap();
  }

  #keyOf(secret: string, door: string): KnockKey {
    const name = `${door} ${secret}`;
    let key = this.#keys.get(name);
    if (key === undefined) {
      const bytes = fromBase64url(secret);
      if (bytes?.length !== knockSecretBytes) throw new PosternError('bad-answer', 'a knock secret is none');
      key = openKnockKey(doorSecret(bytes, door));
      this.#keys.set(name, key);
      if (this.#keys.size > maxKeys) this.#keys.delete(this.#keys.keys().next().value!);
    }
    return key;
  }
}

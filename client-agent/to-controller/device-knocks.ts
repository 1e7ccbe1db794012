/** What this device knocks with: one counter for all doors, in the profile's directory. */
import type { Clock } from '#shared/base/clock.ts';
import { controllerDoor, type KnockKind } from '#shared/contracts/knock.ts';
import type { KnockSource } from '#shared/wire/doors/knock-source.ts';
import type { Knocker } from '#shared/wire/doors/knocker.ts';
import type { DoorOrder } from '#shared/wire/doors/ladders.ts';
import type { Keystore } from '../keystore/keystore.ts';

const counterFile = 'knock-counter';

export class DeviceKnocks {
  readonly #keystore: Keystore;
  readonly #clock: Clock;
  #knocker: Promise<Knocker> | undefined;

  constructor(options: { readonly keystore: Keystore; readonly clock: Clock }) {
    this.#keystore = options.keystore;
    this.#clock = options.clock;
  }

  /** `secret` as the controller gave it, base64url. */
  at(door: string, secret: string, kind: KnockKind): KnockSource {
    const order = { secret, door, kind };
    return {
      prelude: async () => (await this.#load()).prelude(order),
      datagram: async () => (await this.#load()).datagram(order),
      silence: () => void this.#knocker?.then((knocker) => knocker.silence()),
    };
  }

  /** At the controller's door, with what enrolment gave. */
  atController(kind: KnockKind): DoorOrder {
    const given = () => this.#keystore.enrolment.knock;
    return {
      door: () => given() ?? { door: 'none' },
      source: () => {
        const { secret } = given() ?? {};
        return secret === undefined ? undefined : this.at(controllerDoor, secret, kind);
      },
    };
  }

  /** Late: one-time passwords are some megabytes, which an agent that meets no door does not pay for. */
  #load(): Promise<Knocker> {
    const { directory, enrolment } = this.#keystore;
    this.#knocker ??= Promise.all([
      import('#shared/wire/doors/knocker.ts'),
      import('#shared/wire/doors/knock-counter.ts'),
    ]).then(([{ Knocker }, { KnockCounter }]) => {
      const file = {
        read: () => directory.read(counterFile),
        write: (text: string) => directory.write(counterFile, text),
      };
      return new Knocker(`device/${enrolment.device}`, new KnockCounter(file, this.#clock), this.#clock);
    });
    return this.#knocker;
  }
}

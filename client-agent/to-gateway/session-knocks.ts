/** What this session knocks with at gateways' doors (P26): told with each grant, kept in memory alone. */
import type { Clock } from '#shared/base/clock.ts';
import type { KnockSource } from '#shared/wire/doors/dial-through.ts';
import type { Knocker } from '#shared/wire/doors/knocker.ts';
import type { Keystore } from '../keystore/keystore.ts';

const counterFile = 'knock-counter';

export class SessionKnocks {
  readonly #keystore: Keystore;
  readonly #clock: Clock;
  #secret: string | undefined;
  #knocker: Promise<Knocker> | undefined;

  constructor(options: { readonly keystore: Keystore; readonly clock: Clock }) {
    this.#keystore = options.keystore;
    this.#clock = options.clock;
  }

  /** Another session has another one. Of gateways that do not hide nothing is told, and nothing is forgotten. */
  use(secret: string | undefined): void {
    if (secret !== undefined) this.#secret = secret;
  }

  /** Undefined before anything was told: then no gateway that hides was named either. */
  at(door: string): KnockSource | undefined {
    const secret = this.#secret;
    if (secret === undefined) return undefined;
    return {
      prelude: async () => (await this.#load()).prelude({ secret, door, kind: 'mutual' }),
      silence: () => void this.#knocker?.then((knocker) => knocker.silence()),
    };
  }

  /** Late: one-time passwords are some megabytes, which an agent without a hidden gateway does not pay for. */
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

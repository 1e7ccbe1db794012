/** What this gateway knocks with at the controller's door. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import { controllerDoor, type KnockKind } from '#shared/contracts/knock.ts';
import { KnockCounter } from '#shared/wire/doors/knock-counter.ts';
import { Knocker } from '#shared/wire/doors/knocker.ts';
import { TurningKnock } from '#shared/wire/doors/turning-knock.ts';
import type { Membership } from '../keystore/membership.ts';
import { writeFileWhole } from '../keystore/write-file.ts';

export class GatewayKnocks {
  readonly #membership: () => Membership;
  readonly #knocker: Knocker;

  constructor({ dir, membership, clock }: { dir: string; membership: () => Membership; clock: Clock }) {
    this.#membership = membership;
    const path = join(dir, 'knock-counter');
    const file = { read: () => readIfThere(path), write: (text: string) => writeFileWhole(path, text, 0o600) };
    this.#knocker = new Knocker(`gateway/${membership().gateway}`, new KnockCounter(file, clock), clock);
  }

  atController(kind: KnockKind): TurningKnock {
    return new TurningKnock(this.#membership().knock?.door === 'prelude', () => {
      const given = this.#membership().knock;
      if (given === undefined) return undefined;
      const order = { secret: given.secret, door: controllerDoor, kind };
      return { prelude: async () => this.#knocker.prelude(order), silence: () => this.#knocker.silence() };
    });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What this gateway knocks with at the controller's door. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import { controllerDoor, type KnockKind } from '#shared/contracts/knock.ts';
import { KnockCounter } from '#shared/wire/doors/knock-counter.ts';
import { Knocker } from '#shared/wire/doors/knocker.ts';
import type { DoorOrder } from '#shared/wire/doors/ladders.ts';
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

  atController(kind: KnockKind): DoorOrder {
    const given = () => this.#membership().knock;
    return {
      door: () => given() ?? { door: 'none' },
      source: () => {
        const { secret } = given() ?? {};
        return secret === undefined ? undefined : this.#knocker.source({ secret, door: controllerDoor, kind });
      },
    };
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

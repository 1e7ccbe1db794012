/** The first contact with a hidden controller: what an invitation brings along to knock with, good for its bootstrap server alone. */
import type { Clock } from '../../base/clock.ts';
import type { Invitation } from '../../contracts/invitation.ts';
import { controllerDoor } from '../../contracts/knock.ts';
import { KnockCounter } from './knock-counter.ts';
import { Knocker } from './knocker.ts';
import { TurningKnock } from './turning-knock.ts';

export function invitationKnock({ n: given }: Invitation, clock: Clock): TurningKnock {
  if (given === undefined) return new TurningKnock(false, () => undefined);
  // Its key is this invitation's own: nothing has to be remembered beyond its use.
  const knocker = new Knocker(
    `invitation/${given.i}`,
    new KnockCounter({ read: () => undefined, write: () => {} }, clock),
    clock,
  );
  const order = { secret: given.s, door: controllerDoor, kind: 'bootstrap' } as const;
  const source = { prelude: async () => knocker.prelude(order), silence: () => knocker.silence() };
  return new TurningKnock(given.d === 'prelude', () => source);
}

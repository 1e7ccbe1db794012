/** The first contact with a controller that may hide: what an invitation brings along to knock with, good for its bootstrap server alone. */
import type { Clock } from '../../base/clock.ts';
import type { Invitation } from '../../contracts/invitation.ts';
import { controllerDoor } from '../../contracts/knock.ts';
import { KnockCounter } from './knock-counter.ts';
import { Knocker } from './knocker.ts';
import type { DoorOrder } from './ladders.ts';

export function invitationKnock({ n: given }: Invitation, clock: Clock): DoorOrder {
  if (given === undefined) return { door: () => ({ door: 'none' }), source: () => undefined };
  // Its key is this invitation's own: nothing has to be remembered beyond its use.
  const counter = new KnockCounter({ read: () => undefined, write: () => {} }, clock);
  const knocker = new Knocker(`invitation/${given.i}`, counter, clock);
  const source = knocker.source({ secret: given.s, door: controllerDoor, kind: 'bootstrap' });
  return { door: () => ({ door: given.d, ports: given.p, preludePort: given.t }), source: () => source };
}

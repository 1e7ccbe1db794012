/** The kernel door as its own host may look at it and try it: served on a Unix socket in the state directory, for this user and root. */
import { Type } from 'typebox';
import { oneOf, shortText, strict } from './common.ts';
import { doorModes } from './knock.ts';
import { defineContract } from './route.ts';

/** From a second to a day, in milliseconds. */
const trialMs = Type.Integer({ minimum: 1000, maximum: 24 * 3600 * 1000 });

export const doorState = strict({
  /** What stands in front of the ports now. */
  door: oneOf([...doorModes]),
  /** Where knocks are taken by UDP. */
  ports: Type.Array(Type.Integer()),
  /** nftables tables of family `inet`, with a comma between them; absent without a kernel door. */
  table: Type.Optional(shortText),
  /** How often somebody else's change of it was put right. */
  repairs: Type.Integer(),
  /** Milliseconds until a door on trial takes itself away. */
  trialMs: Type.Optional(Type.Integer()),
  /** Connections that came in by a knock at the kernel door since it is up. */
  cameIn: Type.Integer(),
  /** Knocks by what became of them: `good`, or why they were refused. */
  knocks: Type.Record(Type.String(), Type.Integer()),
});

export const doorControl = defineContract({
  state: { method: 'GET', path: '/v1/door', summary: 'What stands in front', access: 'admin', answer: doorState },
  apply: {
    method: 'POST',
    path: '/v1/door/apply',
    summary: 'Put the kernel door up, on trial',
    access: 'admin',
    body: strict({ withinMs: trialMs }),
    answer: doorState,
  },
  confirm: {
    method: 'POST',
    path: '/v1/door/confirm',
    summary: 'Keep the door that is on trial: somebody has come in through it',
    access: 'admin',
    answer: doorState,
  },
  remove: {
    method: 'POST',
    path: '/v1/door/remove',
    summary: 'Take the kernel door away until the next start',
    access: 'admin',
    answer: doorState,
  },
});

/** In the state directory. */
export const doorSocket = 'door.sock';

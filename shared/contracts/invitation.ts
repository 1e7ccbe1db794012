/** What an invitation's text carries; `shared/wire/invitation.ts` writes and reads the text. */
import { type Static, Type } from 'typebox';
import { address, madeId, oneOf, port, shortText, strict } from './common.ts';
import { doorModes, knockPorts } from './knock.ts';

export const invitationPrefix = 'postern-invite:';
/** Characters of the whole text, checked before anything is decoded. */
export const maxInvitationChars = 2048;

export const invitation = strict({
  v: Type.Literal(1),
  /** The controller's bootstrap server, `host:port`. */
  u: address,
  /** Its mutual server, when it is not told later. */
  c: Type.Optional(address),
  /** SHA-256 of the root certificate (DER) as hex: the pin by which the first connection knows the controller. */
  p: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** One-time code: at least 128 random bits as base64url (P5). */
  k: Type.String({ pattern: '^[A-Za-z0-9_-]{22,86}$' }),
  r: oneOf(['device', 'gateway']),
  /** Organisation, to be shown before the code is used. */
  o: shortText,
  /** What to knock with (P26): the invitation's id, 32 bytes as base64url, what stands in front of the controller, and the UDP ports of its kernel door. */
  n: Type.Optional(
    strict({
      i: madeId,
      s: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
      d: oneOf([...doorModes]),
      p: Type.Optional(knockPorts),
      /** TCP port with the prelude door alone. */
      t: Type.Optional(port),
    }),
  ),
});
export type Invitation = Static<typeof invitation>;

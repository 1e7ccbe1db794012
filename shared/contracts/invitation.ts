/** What an invitation's text carries; `shared/wire/invitation.ts` writes and reads the text. */
import { type Static, Type } from 'typebox';
import { address, oneOf, shortText, strict } from './common.ts';

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
});
export type Invitation = Static<typeof invitation>;

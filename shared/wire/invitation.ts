/** The text of an invitation: `postern-invite:` and the base64url of one JSON object, as a person pastes it (P5). */
import { Value } from 'typebox/value';
import { fromBase64url, toBase64url } from '../base/bytes.ts';
import { PosternError } from '../base/errors.ts';
import { type Invitation, invitation, invitationPrefix, maxInvitationChars } from '../contracts/invitation.ts';

/** Throws `internal` for an invitation that no reader would take. */
export function encodeInvitation(value: Invitation): string {
  if (!Value.Check(invitation, value)) throw new PosternError('internal', 'an invitation has another shape');
  // Named one by one: nothing a caller's object holds besides can slip into a text that people send around.
  const { v, u, c, p, k, r, o, n: knock } = value;
  const n = knock === undefined ? undefined : { i: knock.i, s: knock.s, d: knock.d, p: knock.p, t: knock.t };
  const text = invitationPrefix + toBase64url(Buffer.from(JSON.stringify({ v, u, c, p, k, r, o, n })));
  if (text.length > maxInvitationChars) throw new PosternError('internal', 'an invitation is too long');
  return text;
}

/**
 * Reads a pasted invitation. White space is ignored, as mail programs wrap long lines. Throws `code-refused`, never
 * quoting the text: it holds a secret. Order: size, prefix, encoding, JSON, shape.
 */
export function decodeInvitation(pasted: string): Invitation {
  if (pasted.length > 2 * maxInvitationChars) throw refused('is too long');
  const text = pasted.replaceAll(/\s+/g, '');
  if (text.length > maxInvitationChars) throw refused('is too long');
  if (text === '') throw refused('is missing: nothing was given');
  if (!text.startsWith(invitationPrefix)) throw refused(`does not begin with ${invitationPrefix}`);
  const bytes = fromBase64url(text.slice(invitationPrefix.length));
  if (bytes === undefined || bytes.length === 0) throw refused('is incomplete or was changed');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    // No cause: a JSON error quotes the text, and the text holds the code.
    throw refused('is incomplete or was changed');
  }
  if (typeof value === 'object' && value !== null && 'v' in value && value.v !== 1) {
    throw refused('was made by a newer version');
  }
  if (!Value.Check(invitation, value)) throw refused('is incomplete or was changed');
  return value;
}

function refused(why: string): PosternError {
  return new PosternError('code-refused', `the invitation ${why}`, { tell: `The invitation ${why}.` });
}

/**
 * Which passwords may be set (NIST SP 800-63B-4 section 3.1.1.2): at least 8 characters, as there is always a second
 * factor; at most 1,024 bytes; not one that is tried first. No rules of composition, no expiry.
 */
import { PosternError } from '#shared/base/errors.ts';
import { commonPasswords } from './common-passwords.ts';

export interface PasswordContext {
  readonly organisation: string;
  readonly person: { readonly id: string; readonly name: string; readonly email?: string | null };
}

const leastChars = 8;
const mostBytes = 1024;
/** Shorter names stand inside too many good passwords. */
const leastName = 4;

/** Throws `factor-weak` and tells why. */
export function checkPassword(password: string, context: PasswordContext): void {
  if (password.length > mostBytes) throw weak('It is too long.');
  const normal = password.normalize('NFC');
  // Code points, as a person counts them, not UTF-16 units.
  if ([...normal].length < leastChars) throw weak(`It needs at least ${leastChars} characters.`);
  if (Buffer.byteLength(normal) > mostBytes) throw weak('It is too long.');
  const plain = plainOf(normal);
  if (commonPasswords.has(plain) || isOneRun(normal)) throw weak('It is one of those that are tried first.');
  const letters = plain.replaceAll(/^\d+|\d+$/g, '');
  if (namesOf(context).has(letters)) throw weak('It is a name with something added: that is tried first.');
}

const plainOf = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');

/** One character again and again, or characters in the order of their code: `aaaaaaaa`, `abcdefgh`, `98765432`. */
function isOneRun(text: string): boolean {
  const codes = [...text.toLowerCase()].map((char) => char.codePointAt(0)!);
  const step = codes[1]! - codes[0]!;
  return Math.abs(step) <= 1 && codes.every((code, at) => at === 0 || code - codes[at - 1]! === step);
}

function namesOf({ organisation, person }: PasswordContext): Set<string> {
  const texts = [organisation, person.id, person.name, person.email?.split('@', 1)[0] ?? '', 'postern'];
  const words = texts
    .flatMap((text) => [text, ...text.split(/[\s._-]+/)])
    .map((text) => plainOf(text.normalize('NFC')));
  return new Set(words.map((word) => word.replaceAll(/^\d+|\d+$/g, '')).filter((word) => word.length >= leastName));
}

function weak(tell: string): PosternError {
  return new PosternError('factor-weak', 'a password was refused', { tell });
}

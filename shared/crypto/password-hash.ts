/**
 * Password hashes: argon2id (RFC 9106) as PHC strings, `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. 19 MiB and two
 * passes are OWASP's first choice and cost 41 ms here. Runs on Node's thread pool, never on the event loop.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { PosternError } from '../base/errors.ts';

interface Cost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

const cost: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const saltBytes = 16;
const hashBytes = 32;

/** Caps on what a stored hash may ask for: a row planted in the database must not be able to exhaust the machine. */
const maxCost: Cost = { memory: 65_536, passes: 6, parallelism: 4 };

/** Far above the 64 characters that NIST SP 800-63B-4 wants accepted; a bound is needed, as all of it is hashed. */
const maxPasswordBytes = 1024;

/** Throws `factor-weak` for a password beyond 1,024 bytes. Length and blocklist rules are the caller's. */
export async function hashPassword(password: string): Promise<string> {
  const message = toMessage(password);
  if (message === undefined)
    throw new PosternError('factor-weak', 'a password is too long', { tell: 'It is too long.' });
  const salt = randomBytes(saltBytes);
  const hash = await derive(message, salt, cost, hashBytes);
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${toPhc(salt)}$${toPhc(hash)}`;
}

/** False for a wrong password; throws `internal` for a stored hash that is malformed or beyond the caps. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const stored = parsePhc(phc);
  if (stored === undefined) throw new PosternError('internal', 'a stored password hash cannot be read');
  const message = toMessage(password);
  // The same work for a password that can never have been set, so that time says nothing.
  const hash = await derive(message ?? Buffer.alloc(0), stored.salt, stored.cost, stored.hash.length);
  return timingSafeEqual(hash, stored.hash) && message !== undefined;
}

/** The work of a verification, for a person who does not exist or has no password: always false. */
export async function dummyVerify(password: string): Promise<false> {
  await derive(toMessage(password) ?? Buffer.alloc(0), Buffer.alloc(saltBytes), cost, hashBytes);
  return false;
}

/** True when a stored hash was made with other parameters than today's: hash again after the next good sign-in. */
export function needsRehash(phc: string): boolean {
  const stored = parsePhc(phc);
  if (stored === undefined || stored.hash.length !== hashBytes) return true;
  const { memory, passes, parallelism } = stored.cost;
  return memory !== cost.memory || passes !== cost.passes || parallelism !== cost.parallelism;
}

/** NFC (SP 800-63B-4 section 3.1.1.2), so that `é` typed on two systems is one password. Undefined when too long. */
function toMessage(password: string): Buffer | undefined {
  if (password.length > maxPasswordBytes) return undefined;
  const message = Buffer.from(password.normalize('NFC'), 'utf8');
  return message.length > maxPasswordBytes ? undefined : message;
}

function derive(
  message: Buffer,
  nonce: Buffer,
  { memory, passes, parallelism }: Cost,
  tagLength: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce, memory, passes, parallelism, tagLength }, (error, hash) => {
      if (error) reject(error);
      else resolve(hash);
    });
  });
}

const phcPattern =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d{0,2}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

function parsePhc(phc: string): { cost: Cost; salt: Buffer; hash: Buffer } | undefined {
  const match = phc.length > 300 ? null : phcPattern.exec(phc);
  if (match === null) return undefined;
  const [memory, passes, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (memory > maxCost.memory || passes > maxCost.passes || parallelism > maxCost.parallelism) return undefined;
  // RFC 9106 section 3.1: at least 8 KiB per lane.
  if (memory < 8 * parallelism) return undefined;
  const salt = fromPhc(match[4]!);
  const hash = fromPhc(match[5]!);
  return salt === undefined || hash === undefined ? undefined : { cost: { memory, passes, parallelism }, salt, hash };
}

/** PHC's "B64": base64 without padding. */
const toPhc = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

function fromPhc(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return toPhc(bytes) === text ? bytes : undefined;
}

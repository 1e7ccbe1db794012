import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { generateSync, ScureBase32Plugin } from 'otplib';
import t from 'tap';
import { hotpCode } from '#shared/crypto/hotp.ts';
import { currentTotp, newTotpSecret, totpUri, verifyTotp } from '#shared/crypto/totp.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
const rfc4226: { secretAscii: string; codes: string[] } = read('rfc4226.json');
type Algorithm = 'sha1' | 'sha256' | 'sha512';
const rfc6238: {
  secretBytes: Record<Algorithm, number>;
  rows: ({ seconds: number } & Record<Algorithm, string>)[];
} = read('rfc6238.json');

const base32 = new ScureBase32Plugin();
const pattern = (length: number) => Buffer.from('1234567890'.repeat(7).slice(0, length));
const rfcSecret = base32.encode(pattern(20));

t.test('RFC 4226 appendix D', async (t) => {
  const secret = Buffer.from(rfc4226.secretAscii);
  t.strictSame(
    rfc4226.codes.map((_, counter) => hotpCode(secret, counter)),
    rfc4226.codes,
  );
  t.throws(() => hotpCode(secret.subarray(0, 8), 0), 'a secret of 64 bits');
  t.throws(() => hotpCode(secret, -1), 'a negative counter');
});

t.test('RFC 6238 appendix B, every row', async (t) => {
  for (const { seconds, ...codes } of rfc6238.rows) {
    for (const algorithm of ['sha1', 'sha256', 'sha512'] as const) {
      const secret = pattern(rfc6238.secretBytes[algorithm]);
      const code = generateSync({ strategy: 'totp', secret, epoch: seconds, period: 30, digits: 8, algorithm });
      t.equal(code, codes[algorithm], `${algorithm} at ${seconds}`);
    }
    // Six digits are the last six of eight: the truncation of RFC 4226 section 5.3 is a remainder.
    t.equal(currentTotp(rfcSecret, seconds * 1000), codes.sha1.slice(2), `ours at ${seconds}`);
    const attempt = { secret: rfcSecret, code: codes.sha1.slice(2), nowMs: seconds * 1000 };
    t.strictSame(verifyTotp(attempt), { ok: true, step: Math.floor(seconds / 30) });
  }
});

const nowMs = 1_795_000_005_000;
const step = Math.floor(nowMs / 30_000);
const secret = newTotpSecret();
const codeAt = (offset: number) => currentTotp(secret, nowMs + offset * 30_000);

t.test('one step to either side, each step once', async (t) => {
  for (let offset = -3; offset <= 3; offset++) {
    for (const after of [undefined, -3, -2, -1, 0, 1, 2, 3]) {
      const good = Math.abs(offset) <= 1 && (after === undefined || offset > after);
      const afterStep = after === undefined ? undefined : step + after;
      const verdict = verifyTotp({ secret, code: codeAt(offset), nowMs, afterStep });
      t.strictSame(verdict, good ? { ok: true, step: step + offset } : { ok: false }, `code ${offset} after ${after}`);
    }
  }
});

t.test('what people and attackers type never throws', async (t) => {
  const code = codeAt(0);
  t.ok(verifyTotp({ secret, code: `${code.slice(0, 3)} ${code.slice(3)}`, nowMs }).ok, 'a blank in the middle');
  t.notOk(verifyTotp({ secret, code: codeAt(0), nowMs: nowMs + 90_000 }).ok, 'an old one');
  t.notOk(verifyTotp({ secret: newTotpSecret(), code, nowMs }).ok, 'of another secret');
  const wide = [...code].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join('');
  for (const bad of ['', code.slice(1), `${code}0`, `+${code}`, wide, `${code}\u0000`, ' '.repeat(1e6)]) {
    t.strictSame(verifyTotp({ secret, code: bad, nowMs }), { ok: false });
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !verifyTotp({ secret, code: text, nowMs }).ok));
});

t.test('secrets and their address', async (t) => {
  t.match(secret, /^[A-Z2-7]{32}$/);
  t.not(newTotpSecret(), secret);
  const uri = new URL(totpUri({ secret, account: 'ann: a@b.test', issuer: 'Postern: Ü' }));
  t.equal(uri.protocol, 'otpauth:');
  t.equal(uri.searchParams.get('secret'), secret);
  t.equal(uri.searchParams.get('issuer'), 'Postern  Ü');
  t.equal(decodeURIComponent(uri.pathname).split(':').length, 2, 'one colon, between issuer and account');
});

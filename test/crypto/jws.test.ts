import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import t from 'tap';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { type ReadJwsOptions, readJws, signJws, verifyJws } from '#shared/crypto/jws.ts';
import { generateKeyPair, publicKeyFromJwk } from '#shared/crypto/keys.ts';

const { privateKey, publicKey } = generateKeyPair();
const typ = 'postern-test+jwt';
const options: ReadJwsOptions = { maxBytes: 2048, typ };
const make = (payload: object) => signJws({ typ, kid: 'k1', payload, privateKey });
const encode = (text: string | Buffer) => toBase64url(Buffer.from(text));

/** A token of any header and payload text with a right signature. */
function forge(header: string | Buffer, payload: string | Buffer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${toBase64url(sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`;
}

t.test('base64url has one spelling', async (t) => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => fromBase64url(toBase64url(bytes))!.equals(bytes)));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[\w-]*={0,2}$/)), (text) => {
      const bytes = fromBase64url(text);
      return bytes === undefined || toBase64url(bytes) === text;
    }),
  );
  t.pass();
});

t.test('the signature of RFC 7515 appendix A.3', async (t) => {
  const vector = JSON.parse(readFileSync(new URL('../vectors/rfc7515-es256.json', import.meta.url), 'utf8'));
  const parsed = { signingInput: vector.signingInput, signature: fromBase64url(vector.signature)! };
  t.ok(verifyJws(parsed, publicKeyFromJwk(vector.jwk)));
  t.notOk(verifyJws(parsed, publicKey), 'under another key');
});

t.test('what is signed is read and verified, here and by a JOSE library', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (value) => {
      const payload = JSON.parse(JSON.stringify(value));
      const text = make(payload);
      const parsed = readJws(text, { ...options, maxBytes: 1e6 });
      const theirs = await compactVerify(text, publicKey);
      return (
        verifyJws(parsed, publicKey) &&
        JSON.stringify(parsed.payload) === JSON.stringify(payload) &&
        Buffer.from(theirs.payload).toString() === JSON.stringify(payload)
      );
    }),
  );
  const theirs = await new CompactSign(Buffer.from('{"a":1}'))
    .setProtectedHeader({ alg: 'ES256', typ, kid: 'k1' })
    .sign(privateKey);
  t.ok(verifyJws(readJws(theirs, options), publicKey));
  t.throws(() => signJws({ typ, kid: 'a/b', payload: {}, privateKey }), TypeError, 'a key id that would not be read');
});

t.test('malformed tokens', async (t) => {
  const good = make({ a: 1 });
  const [h, p, s] = good.split('.') as [string, string, string];
  const header = (value: object) => forge(JSON.stringify(value), '{"a":1}');
  const usual = { alg: 'ES256', typ, kid: 'k1' };
  const payload = (text: string | Buffer) => forge(JSON.stringify(usual), text);
  const bad: Record<string, string> = {
    nothing: '',
    'two parts': `${h}.${p}`,
    'four parts': `${good}.${s}`,
    'blank before': ` ${good}`,
    'line end after': `${good}\n`,
    padding: `${good}==`,
    'plain base64 alphabet': `${h}.${p}.${Buffer.from(s, 'base64url').toString('base64')}`,
    'stray bits in the last character': `${h}.${p}.${s.slice(0, -1)}${String.fromCharCode(s.charCodeAt(85) + 1)}`,
    'signature missing': `${h}.${p}.`,
    'signature in DER': `${h}.${p}.${toBase64url(sign('sha256', Buffer.from(`${h}.${p}`), privateKey))}`,
    'too large': make({ a: 'x'.repeat(2048) }),
    'long header': header({ ...usual, typ, kid: 'k'.repeat(300) }),
    'alg none': header({ ...usual, alg: 'none' }),
    'alg HS256': header({ ...usual, alg: 'HS256' }),
    'alg es256': header({ ...usual, alg: 'es256' }),
    'alg missing': header({ typ, kid: 'k1' }),
    'typ missing': header({ alg: 'ES256', kid: 'k1' }),
    'typ a list': header({ ...usual, typ: [typ] }),
    'kid missing': header({ alg: 'ES256', typ }),
    'kid a path': header({ ...usual, kid: '../k1' }),
    'kid empty': header({ ...usual, kid: '' }),
    crit: header({ ...usual, crit: ['exp'] }),
    'key inside': header({ ...usual, jwk: publicKey.export({ format: 'jwk' }) }),
    'key elsewhere': header({ ...usual, jku: 'https://example.org/keys' }),
    'compressed payload': header({ ...usual, zip: 'DEF' }),
    'alg twice': forge(`{"alg":"none","alg":"ES256","typ":"${typ}","kid":"k1"}`, '{}'),
    'header a list': forge('["ES256"]', '{}'),
    'header not JSON': forge('ES256', '{}'),
    'claim twice': payload('{"sub":"ann","sub":"eve"}'),
    'claim twice by escape': payload('{"sub":"ann","s\\u0075b":"eve"}'),
    'payload a list': payload('[1]'),
    'payload null': payload('null'),
    'payload text': payload('"a"'),
    'payload empty': payload(''),
    'white space': payload('{"a": 1}'),
    'byte order mark': payload('\ufeff{"a":1}'),
    'invalid UTF-8': payload(Buffer.from('7b2261223a22ff227d', 'hex')),
    'number beyond a double': payload('{"a":9007199254740993}'),
    infinity: payload('{"a":1e999}'),
  };
  for (const [what, text] of Object.entries(bad))
    t.throws(() => readJws(text, options), { code: 'token-malformed' }, what);
  t.ok(readJws(payload('{"a":1}'), options), 'the forger makes good tokens too');
});

t.test('another class of token is an error of its own, under the codes of the caller', async (t) => {
  t.throws(() => readJws(make({}), { ...options, typ: 'postern-grant+jwt' }), { code: 'token-type' });
  t.throws(() => readJws(make({}), { ...options, typ: typ.toUpperCase() }), { code: 'token-type' });
  const codes = { malformed: 'grant-malformed', type: 'grant-type' } as const;
  t.throws(() => readJws(make({}), { ...options, typ: 'x', codes }), { code: 'grant-type' });
  t.throws(() => readJws('x', { ...options, codes }), { code: 'grant-malformed' });
});

t.test('no changed character verifies and no text throws anything else', async (t) => {
  const text = make({ sub: 'ann', n: 1 });
  const isRefused = (changed: string) => {
    try {
      return !verifyJws(readJws(changed, options), publicKey);
    } catch (error) {
      return ['token-malformed', 'token-type'].includes((error as { code: string }).code);
    }
  };
  const other = fc.constantFrom(...'ABCabc019-_.=+ ');
  fc.assert(
    fc.property(fc.nat(text.length - 1), other, (at, character) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      return changed === text || isRefused(changed);
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), isRefused));
  t.pass();
});

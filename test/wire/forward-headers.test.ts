import fc from 'fast-check';
import t from 'tap';
import { framedHeaders, originServerName, rawList } from '#shared/wire/forward-headers.ts';
import {
  cleanTrailers,
  forwardedHeaders,
  normalNames,
  toAppHeaders,
  toClientHeaders,
} from '#shared/wire/http-headers.ts';

const options = { host: 'app.test' };
const kept = (raw: string[], more = {}) => toAppHeaders(raw, { ...options, ...more }).slice(2);

t.test('what reaches the app', async (t) => {
  const table: [string, string[], string[]][] = [
    [
      'ordinary',
      ['Accept', '*/*', 'COOKIE', 'a=b', 'cookie', 'c=d'],
      ['Accept', '*/*', 'COOKIE', 'a=b', 'cookie', 'c=d'],
    ],
    ['hop by hop', ['Connection', 'close', 'Keep-Alive', 'x', 'Transfer-Encoding', 'chunked', 'Upgrade', 'h2c'], []],
    ['Proxy-*', ['Proxy-Authorization', 'x', 'Proxy-Connection', 'y', 'proxy-anything', 'z'], []],
    ['named', ['Connection', 'close, X-Foo', 'X-Foo', '1', 'X-Bar', '2', 'connection', 'x-bar'], []],
    ['the length stays', ['Connection', 'content-length', 'Content-Length', '5'], ['Content-Length', '5']],
    ['TE', ['TE', 'gzip;q=1, trailers', 'Connection', 'TE'], ['te', 'trailers']],
    ['TE without trailers', ['TE', 'gzip'], []],
    ['Expect and Trailer', ['Expect', '100-continue', 'Trailer', 'X-Sum'], []],
    ['underscore', ['X_Real_User', 'root', 'Content_Length', '1'], []],
    ['Postern-*', ['Postern-Grant', 'x', 'POSTERN-identity', 'y', 'Postern_Identity', 'z'], []],
    ['overrides', ['X-HTTP-Method-Override', 'DELETE', 'X-Http-Method', 'PUT', 'X-Method-Override', 'PUT'], []],
    ['URL overrides', ['X-Original-URL', '/admin', 'X-Rewrite-Url', '/admin', 'X.Rewrite.Url', '/admin'], []],
    ['the variable HTTP_PROXY', ['Proxy', 'http://evil.test', 'prOXY', 'x'], []],
    ['a length in another spelling', ['Content.Length', '5'], []],
    ['claims', ['X-Forwarded-For', '1', 'X-Forwarded-User', 'root', 'Forwarded', 'for=1', 'X-Real-IP', '1'], []],
    ['Host', ['Host', 'evil.test', 'host', 'evil.test'], []],
    ['Via is kept', ['Via', '1.1 a', 'via', '1.0 b'], ['via', '1.1 a, 1.0 b']],
  ];
  for (const [name, raw, expected] of table) t.same(kept(raw), expected, name);
  t.same(toAppHeaders([], options), ['host', 'app.test']);
  t.same(kept(['Via', '1.1 a'], { via: 'postern' }), ['via', '1.1 a, 1.1 postern']);
  t.same(kept(['X-User', 'a', 'x-USER', 'b', 'X-Users', 'c'], { identityNames: normalNames(['X_User']) }), [
    'X-Users',
    'c',
  ]);
  t.same(kept(['Connection', 'Postern-Identity'], { add: ['Postern-Identity', 'jwt'] }), ['Postern-Identity', 'jwt']);
});

t.test('what the proxy says about the client', async (t) => {
  const forwarded = { clientAddress: '::ffff:192.0.2.7', proto: 'https', host: 'app.test:8443' } as const;
  t.same(kept(['X-Forwarded-For', '10.0.0.1'], { add: forwardedHeaders(forwarded) }), [
    'x-forwarded-for',
    '192.0.2.7',
    'x-forwarded-proto',
    'https',
    'x-forwarded-host',
    'app.test:8443',
    'forwarded',
    'for=192.0.2.7;host="app.test:8443";proto=https',
  ]);
  const six = { ...forwarded, clientAddress: 'fe80::1%eth0', host: 'app.test' as string };
  const forwardedValue = (facts: typeof six) => forwardedHeaders(facts).at(-1);
  t.equal(forwardedValue(six), 'for="[fe80::1]";host=app.test;proto=https');
  t.equal(forwardedValue({ ...six, clientAddress: 'x;proto=http' }), 'for=unknown;host=app.test;proto=https');
  t.equal(forwardedValue({ ...six, host: 'a";b\\' }), 'for="[fe80::1]";host="a\\";b\\\\";proto=https');
});

t.test('what reaches the client', async (t) => {
  const raw = ['Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=5', 'Trailer', 'X-Sum'];
  raw.push('Set-Cookie', 'a', 'set-cookie', 'b', 'Postern-Verdict', 'allow', 'Proxy-Authenticate', 'Basic');
  t.same(toClientHeaders(raw, false), ['Set-Cookie', 'a', 'set-cookie', 'b']);
  t.same(toClientHeaders(raw, true), ['Trailer', 'X-Sum', 'Set-Cookie', 'a', 'set-cookie', 'b']);
});

t.test('trailers', async (t) => {
  const bad = ['Content-Length', 'Transfer-Encoding', 'Host', 'Authorization', 'Set-Cookie', 'Postern-Identity', 'Via'];
  bad.push('X-User', 'X_Sum', 'X-Forwarded-For', 'X-HTTP-Method-Override', 'Connection', 'Forwarded', 'Proxy-X');
  const names = normalNames(['x-user']);
  t.same(cleanTrailers([...bad.flatMap((name) => [name, '1']), 'X-Sum', '2', 'grpc-status', '0'], names), [
    'X-Sum',
    '2',
    'grpc-status',
    '0',
  ]);
});

t.test('properties: removal is complete, idempotent and keeps order', async () => {
  const special = [
    'Connection',
    'Upgrade',
    'TE',
    'x-a',
    'X-B',
    'Postern-X',
    'a_b',
    'Forwarded',
    'Proxy-Q',
    'X-Forwarded-P',
  ];
  const name = fc.oneof(fc.constantFrom(...special), fc.stringMatching(/^[A-Za-z-]{1,8}$/));
  const value = fc.oneof(
    fc.constantFrom('close', 'x-a, X-B', 'trailers', 'keep-alive,,x-a'),
    fc.string({ maxLength: 8 }),
  );
  const headers = fc.array(fc.tuple(name, value)).map((pairs) => pairs.flat());
  fc.assert(
    fc.property(headers, (raw) => {
      const once = toAppHeaders(raw, options);
      const names = once.filter((_text, i) => i % 2 === 0).map((text) => text.toLowerCase());
      const named = raw.flatMap((text, i) =>
        raw[i - 1]?.toLowerCase() === 'connection' && i % 2 ? text.toLowerCase().split(',') : [],
      );
      const gone = new Set(['connection', 'upgrade', 'forwarded', ...named.map((text) => text.trim())]);
      for (const safe of ['host', 'te', 'via', 'content-length']) gone.delete(safe);
      const clean = names.every(
        (text) => !gone.has(text) && !text.includes('_') && !/^(postern|proxy|x-forwarded)-/.test(text),
      );
      return clean && JSON.stringify(toAppHeaders(once, options)) === JSON.stringify(once);
    }),
  );
  fc.assert(
    fc.property(headers, (raw) => {
      const once = toClientHeaders(raw, true);
      return JSON.stringify(toClientHeaders(once, true)) === JSON.stringify(once) && once.length <= raw.length;
    }),
  );
});

t.test('between undici and Node', async (t) => {
  t.same(framedHeaders(['Connection', 'x', 'content-length', '9', 'A', 'b'], '5'), ['A', 'b', 'content-length', '5']);
  t.same(rawList([Buffer.from('A'), Buffer.from([0xe9])]), ['A', '\u00e9']);
  t.same(rawList(null), []);
  t.equal(originServerName('https://app.test:8443'), 'app.test');
  t.equal(originServerName('http://app.test'), undefined);
  t.equal(originServerName('https://127.0.0.1:1'), undefined);
  t.equal(originServerName(new URL('https://[::1]:1')), undefined);
});

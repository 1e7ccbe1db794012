import fc from 'fast-check';
import t from 'tap';
import type { HttpApp } from '#shared/contracts/app.ts';
import { canonicalRequest, type SpellingReason, spellingReasons, targetOf } from '#shared/wire/canonical-request.ts';

type Spellings = NonNullable<HttpApp['allowSpellings']>;
const hosts = ['wiki.corp.example', 'docs.corp.example'];
const ask = (url: string, allowSpellings?: Spellings, method = 'GET', host = 'wiki.corp.example') =>
  canonicalRequest({ method, host, url, app: { hosts, ...(allowSpellings === undefined ? {} : { allowSpellings }) } });

/** Spelling to target sent, or to the reason it is refused; with what the app allows. */
const table: [url: string, want: string | { refused: SpellingReason }, allow?: Spellings][] = [
  ['/', '/'],
  ['/a/b.c', '/a/b.c'],
  ['/a/', '/a/'],
  ['/a?', '/a'],
  ['/a?x=1&y=%7e%2f..//\\;', '/a?x=1&y=%7e%2f..//\\;'],
  ['/%61%7E%2d', '/a~-'],
  ['/a%20b', '/a%20b'],
  ['/%c3%a9', '/%C3%A9'],
  ['/a|b"{}', '/a%7Cb%22%7B%7D'],
  ['/%252e%252e/x', '/%252e%252e/x'],
  ['/...', '/...'],
  ['/.well-known/x', '/.well-known/x'],
  ['/a..b/..c', '/a..b/..c'],
  ['http://wiki.corp.example/a', '/a'],
  ['http://WIKI.corp.example:8444?x', '/?x'],
  ['http://docs.corp.example/a', { refused: 'host-mismatch' }],
  ['http://wiki.corp.example@evil/a', { refused: 'target' }],
  ['*', { refused: 'target' }],
  ['', { refused: 'target' }],
  ['ftp://wiki.corp.example/', { refused: 'target' }],
  ['//wiki.corp.example/a', { refused: 'double-slash' }],
  ['/a#b', { refused: 'characters' }],
  ['/a b', { refused: 'characters' }],
  ['/é', { refused: 'characters' }],
  ['/a?b c', { refused: 'characters' }],
  ['/a?b#c', { refused: 'characters' }],
  ['/100%', { refused: 'percent-encoding' }],
  ['/%zz', { refused: 'percent-encoding' }],
  ['/a%00', { refused: 'encoded-control' }],
  ['/a%0d%0aX:y', { refused: 'encoded-control' }],
  ['/a%7f', { refused: 'encoded-control' }],
  ['/%ff', { refused: 'utf-8' }],
  ['/%c0%af', { refused: 'utf-8' }],
  ['/%c0%ae%c0%ae/x', { refused: 'utf-8' }],
  ['/a%2fb', { refused: 'encoded-slash' }],
  ['/a%2fb', '/a%2Fb', ['encoded-slash']],
  ['/a\\b', { refused: 'backslash' }],
  ['/a%5cb', { refused: 'backslash' }],
  ['/a\\b', '/a%5Cb', ['backslash']],
  ['/a;v=1', { refused: 'semicolon' }],
  ['/a%3bv=1', { refused: 'semicolon' }],
  ['/a;v=1', '/a;v=1', ['semicolon']],
  ['/a//b', { refused: 'double-slash' }],
  ['/a//b', '/a//b', ['double-slash']],
  ['/a/%2e', { refused: 'encoded-dot' }],
  ['/a/%2E%2e/b', { refused: 'encoded-dot' }],
  ['/a%2ehtml', { refused: 'encoded-dot' }],
  ['/a%2ehtml', '/a.html', ['dot-segments']],
  ['/a/../b', { refused: 'dot-segments' }],
  ['/a/.', { refused: 'dot-segments' }],
  ['/..', { refused: 'dot-segments' }],
  ['/public/../admin', '/admin', ['dot-segments']],
  ['/public/%2e%2e/admin', '/admin', ['dot-segments']],
  ['/../../x', '/x', ['dot-segments']],
  ['/a/b/..', '/a/', ['dot-segments']],
  ['/.', '/', ['dot-segments']],
  ['/public/..%2fadmin', { refused: 'dot-segments' }, ['encoded-slash']],
  ['/public/..%2fadmin', { refused: 'dot-segments' }, ['encoded-slash', 'dot-segments']],
  ['/public/..\\admin', { refused: 'dot-segments' }, ['backslash', 'dot-segments']],
  ['/public/..;/admin', { refused: 'dot-segments' }, ['semicolon']],
  ['/public/..;x/admin', { refused: 'dot-segments' }, ['semicolon', 'dot-segments']],
];

t.test('P9 every spelling has one canonical form or is refused', async (t) => {
  for (const [url, want, allow] of table) {
    const got = ask(url, allow);
    const label = `${JSON.stringify(url)}${allow ? ` allowing ${allow}` : ''}`;
    if (typeof want === 'string') t.equal(typeof got === 'string' ? got : targetOf(got), want, label);
    else t.equal(got, want.refused, label);
  }
});

t.test('P9 method and host', async (t) => {
  t.match(ask('/', undefined, 'head'), { method: 'GET' }, 'HEAD is judged as GET');
  t.match(ask('/', undefined, 'propfind'), { method: 'PROPFIND' });
  t.match(ask('/', undefined, 'GET', 'WIKI.Corp.example:8444'), { host: 'wiki.corp.example' });
  t.match(ask('/', undefined, 'GET', 'docs.corp.example'), { host: 'docs.corp.example' });
  t.equal(ask('/', undefined, 'G ET'), 'method');
  t.equal(ask('/', undefined, ''), 'method');
  for (const host of ['', 'evil.example', 'wiki.corp.example.', 'wiki.corp.example:x', 'a@wiki.corp.example'])
    t.equal(ask('/', undefined, 'GET', host), 'host-unknown', JSON.stringify(host));
});

t.test('P9 the canonical form is its own canonical form, whatever the app allows', async () => {
  const all: Spellings = ['encoded-slash', 'double-slash', 'semicolon', 'backslash', 'dot-segments'];
  const piece = fc.constantFrom(
    'a',
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2F',
    '\\',
    '%5c',
    ';',
    '%3b',
    '%',
    '%41',
    '%c3%a9',
    '%ff',
    '|',
    '?',
    '%25',
  );
  const url = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);
  fc.assert(
    fc.property(url, fc.subarray(all), (spelled, allow) => {
      const first = ask(spelled, allow);
      if (typeof first === 'string') return spellingReasons.includes(first);
      const again = ask(targetOf(first), allow);
      if (typeof again === 'string') return false;
      const segments = first.path.split(/\/|%2F|%5C|\\/i).map((part) => part.split(';')[0]);
      return targetOf(again) === targetOf(first) && !segments.includes('..') && !segments.includes('.');
    }),
    { numRuns: 5000 },
  );
});

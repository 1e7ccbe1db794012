import t from 'tap';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { AppUsage } from '../../../gateway/from-agents/app-usage.ts';
import { GrantCache } from '../../../gateway/grants/grant-cache.ts';
import { grantText, signer, wiki } from '../../support/gate-ask.ts';

const keys = new Map([['key-1', signer.publicKey]]);

t.test('P16 a grant is parsed and verified once, by its exact text', async (t) => {
  const cache = new GrantCache();
  const text = grantText();
  const first = cache.read(text, keys);
  t.ok(first.ok);
  t.equal(cache.read(text, keys), first, 'the very same result');
  t.match(cache.read(`${text} `, keys), { ok: false, code: 'grant-malformed' });
  t.equal(cache.size, 1, 'what was refused is not kept');
});

t.test('P20 what a key has verified goes with the key', async (t) => {
  const cache = new GrantCache();
  const text = grantText();
  t.ok(cache.read(text, keys).ok);
  t.match(cache.read(text, new Map()), { code: 'grant-key-unknown' });
  t.match(cache.read(text, new Map([['key-1', generateKeyPair().publicKey]])), { code: 'grant-signature' });
  t.ok(cache.read(text, keys).ok);
});

t.test('the cache is bounded, and forgets what was used longest ago', async (t) => {
  const cache = new GrantCache(2);
  const [a, b, c] = ['gr_aaaaaaaa', 'gr_bbbbbbbb', 'gr_cccccccc'].map((jti) => grantText({ jti })) as [
    string,
    string,
    string,
  ];
  const first = cache.read(a, keys);
  const second = cache.read(b, keys);
  t.equal(cache.read(a, keys), first);
  cache.read(c, keys);
  t.equal(cache.size, 2);
  t.equal(cache.read(a, keys), first, 'used lately');
  t.not(cache.read(b, keys), second, 'forgotten, and read anew');
});

t.test('usage: a bucket of one second, shared among workers; running requests by device', async (t) => {
  const app = wiki({ limits: { requestsPerSecond: 10 } });
  const usage = new AppUsage(2);
  const ends = [];
  for (let i = 0; i < 5; i += 1) ends.push(usage.begin(app, 'a', 1000));
  t.match(usage.usage(app, 'a', 1000), { running: 5, left: 0, retryAfterMs: 200 });
  t.match(usage.usage(app, 'b', 1200), { running: 0, left: 1 });
  t.match(usage.usage(app, 'b', 99_000), { left: 5 }, 'never more than a second of it');
  for (const end of ends) end();
  t.equal(usage.usage(app, 'a', 99_000).running, 0);
  t.equal(new AppUsage(1).usage(wiki(), 'a', 0).left, Number.POSITIVE_INFINITY);
});

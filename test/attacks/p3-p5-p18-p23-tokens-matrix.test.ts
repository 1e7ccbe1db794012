/**
 * Every class of token at every place that takes a token: refused except where it belongs. Made from two lists, so that a new
 * class meets every place, and a new place every class.
 */
import { createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';
import t from 'tap';
import { publicKeyToJwk } from '#shared/crypto/keys.ts';
import { type JwsClass, jwsTypes, payloadOf, type Signer, tokenClasses } from '../support/token-classes.ts';
import { type TokenPlace, tokenPlaces } from '../support/token-places.ts';
import { openTokenWorld } from '../support/token-world.ts';

const world = await openTokenWorld(t);
const anySigner: Signer = { kid: 'key-1', privateKey: world.gateway.world.signer.privateKey };

async function isTaken(place: TokenPlace, token: string): Promise<boolean> {
  await world.calm();
  return place.show(world, token).catch(() => false);
}

for (const place of tokenPlaces) {
  t.test(`P5 P18 P23 P30 ${place.name}: ${place.takes.join(', ')} and nothing else`, async (t) => {
    const taken: string[] = [];
    for (const { name, make } of tokenClasses) {
      const token = await make(world, place.signer?.(world) ?? anySigner);
      if (await isTaken(place, token)) taken.push(name);
    }
    t.same(taken, place.takes);
  });
}

t.test('every class is good somewhere, but for names that are no secrets', async (t) => {
  const good = new Set(tokenPlaces.flatMap(({ takes }) => takes));
  const useless = tokenClasses.filter(({ name }) => !good.has(name)).map(({ name }) => name);
  t.same(useless, ['key set', 'session id', 'device id', 'grant id', 'seed of an authenticator app', 'certificate']);
});

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

interface Making extends Signer {
  readonly typ: string;
  readonly payload: object;
  readonly publicKey: KeyObject;
}

/** Right but for what stands in `header` and `payload`, which may be texts. */
function forge({ kid, typ, privateKey, payload }: Making, header: unknown = {}, body: unknown = payload): string {
  const head = typeof header === 'string' ? header : { alg: 'ES256', typ, kid, ...(header as object) };
  const input = `${encode(head)}.${encode(body)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** Signed by what everybody knows: the public key, taken for a shared secret. */
function hmac({ kid, typ, payload }: Making, secret: string | Buffer): string {
  const input = `${encode({ alg: 'HS256', typ, kid })}.${encode(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const other = world.gateway.world.signer;
const tricks: readonly (readonly [string, (made: Making) => string])[] = [
  ['alg none, signature kept', (m) => forge(m, { alg: 'none' })],
  ['alg none, no signature', (m) => forge(m, { alg: 'none' }).replace(/[^.]+$/, '')],
  ['alg NoNe', (m) => forge(m, { alg: 'NoNe' })],
  ['HS256 with the public key as PEM', (m) => hmac(m, m.publicKey.export({ type: 'spki', format: 'pem' }) as string)],
  ['HS256 with the public key as JWK', (m) => hmac(m, JSON.stringify(publicKeyToJwk(m.publicKey)))],
  ['HS256 with the public key as DER', (m) => hmac(m, m.publicKey.export({ type: 'spki', format: 'der' }))],
  ['HS256 with nothing', (m) => hmac(m, '')],
  ['ES384', (m) => forge(m, { alg: 'ES384' })],
  ['RS256', (m) => forge(m, { alg: 'RS256' })],
  ['a list of algorithms', (m) => forge(m, { alg: ['ES256'] })],
  ...Object.values(jwsTypes).map((typ) => [`typ ${typ}`, (m: Making) => forge(m, { typ })] as const),
  ['typ JWT', (m) => forge(m, { typ: 'JWT' })],
  ['typ with a space', (m) => forge(m, { typ: `${m.typ} ` })],
  ['typ a list', (m) => forge(m, { typ: [m.typ] })],
  ['no typ', (m) => forge(m, { typ: undefined })],
  ['no kid', (m) => forge(m, { kid: undefined })],
  ['an empty kid', (m) => forge(m, { kid: '' })],
  ['a kid that is a path', (m) => forge(m, { kid: '../../dev/null' })],
  ['a kid that is SQL', (m) => forge(m, { kid: "' OR 1=1 --" })],
  ['a kid that every object has', (m) => forge(m, { kid: '__proto__' })],
  ['a kid that is a list', (m) => forge(m, { kid: [m.kid] })],
  ['a kid of somebody else', (m) => forge(m, { kid: 'key-9' })],
  ['crit of what is not understood', (m) => forge(m, { crit: ['exp'], exp: 1 })],
  ['an empty crit', (m) => forge(m, { crit: [] })],
  ['crit of b64', (m) => forge(m, { crit: ['b64'], b64: false })],
  [
    'a key of its own inside',
    (m) => forge({ ...m, privateKey: other.privateKey, kid: 'own' }, { jwk: publicKeyToJwk(other.publicKey) }),
  ],
  ['a key elsewhere', (m) => forge({ ...m, kid: 'own' }, { jku: 'https://evil.example/keys' })],
  ['alg twice', (m) => forge(m, `{"alg":"none","alg":"ES256","typ":"${m.typ}","kid":"${m.kid}"}`)],
  ['a claim twice', (m) => forge(m, {}, JSON.stringify(m.payload).replace('{', '{"iat":1,'))],
  ['a claim twice, by escape', (m) => forge(m, {}, JSON.stringify(m.payload).replace('{', '{"\\u0069at":1,'))],
  ['white space in the claims', (m) => forge(m, {}, `${JSON.stringify(m.payload)} `)],
  ['claims that are a list', (m) => forge(m, {}, [m.payload])],
  ['flattened JSON', (m) => JSON.stringify(named(forge(m)))],
  ['general JSON', (m) => JSON.stringify({ payload: named(forge(m)).payload, signatures: [named(forge(m))] })],
  ['a part behind', (m) => `${forge(m)}.x`],
  ['a dot behind', (m) => `${forge(m)}.`],
  ['padding', (m) => `${forge(m)}==`],
  ['two joined', (m) => `${forge(m)}, ${forge(m)}`],
  ['a word before', (m) => `Bearer ${forge(m)}`],
  [
    'plain base64',
    (m) => forge(m).replace(/[^.]+$/, (s) => `${Buffer.from(s, 'base64url').toString('base64')}`.replace(/=*$/, '+')),
  ],
  ['oversized', (m) => forge(m, {}, { ...m.payload, more: 'x'.repeat(30_000) })],
  ['an oversized header', (m) => forge(m, { more: 'x'.repeat(9000) })],
];

function named(token: string) {
  const [header, payload, signature] = token.split('.');
  return { protected: header, payload, signature };
}

/** What the JOSE library of an app takes: it differs in spelling alone, and only the gateway could have signed it. */
const harmless = new Set([
  'a claim twice',
  'a claim twice, by escape',
  'white space in the claims',
  'alg twice',
  'padding',
]);

for (const place of tokenPlaces.filter(({ signer }) => signer !== undefined)) {
  t.test(`P18 P23 ${place.name}: no trick with a signed token`, async (t) => {
    const { kid, privateKey } = place.signer!(world);
    const name = place.takes[0] as JwsClass;
    const typ = jwsTypes[name];
    const publicKey = createPublicKey(privateKey);
    const making = (): Making => ({ kid, privateKey, publicKey, typ, payload: payloadOf(world, name) });
    t.ok(await isTaken(place, forge(making())), 'the forger makes good ones too');
    for (const [what, make] of tricks) {
      const token = make(making());
      if (token === forge(making()) || what === `typ ${typ}`) continue;
      const own = name === 'identity' && harmless.has(what);
      if (!own) t.notOk(await isTaken(place, token), what);
    }
  });
}

/**
 * Grant tokens through all gates. Held against a second reading of the token, written without the product's code: what the
 * gates let pass must be good by it, and what is good by it and well spelled must pass.
 */
import { sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { isErrorCode } from '#shared/base/errors.ts';
import {
  type GrantClaims,
  grantClaims,
  grantRules,
  grantType,
  maxGrantBytes,
  type RuleTerm,
} from '#shared/contracts/grant.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import type { Ask } from '../../../gateway/gates/ask.ts';
import { passGates } from '../../../gateway/gates/index.ts';
import { GrantCache } from '../../../gateway/grants/grant-cache.ts';
import { claims as good, makeAsk, makeState, now, nowSeconds, signer } from '../../support/gate-ask.ts';
import { fromSchema, nearValid } from '../from-schema.ts';
import { applyEdits, type Edit, edits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

interface Case {
  /** JSON texts, so that they can be odd. */
  readonly header: string;
  readonly payload: string;
  readonly key: 'right' | 'other';
  readonly signature: 'p1363' | 'der' | 'none' | 'twin';
  readonly edits: readonly Edit[];
}

const other = generateKeyPair();
const exact = { method: 'GET', host: 'wiki.corp.example', path: '/page', query: '' };
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const of = (part: string, name: string) => ['c', part, name];

/** Residuals of a small part of the language, some of them not in their one form, some of none. */
const residual: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  form: fc.oneof(
    { weight: 4, arbitrary: tie('leaf') },
    { weight: 1, arbitrary: fc.tuple(fc.constant('!'), tie('form')) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('&&', '||'), fc.array(tie('form'), { minLength: 2, maxLength: 3 }))
        .map(([name, terms]) => [name, ...terms]),
    },
  ),
  leaf: fc.oneof(
    fc.constantFrom('/page', '/p', '').map((path) => ['==', of('request', 'path'), path]),
    fc.constantFrom('GET', 'HEAD').map((method) => ['==', of('request', 'method'), method]),
    fc
      .constantFrom('192.0.2.0/24', '10.0.0.0/8')
      .map((range) => ['isInRange', of('network', 'address'), ['ip', range]]),
    fc.constantFrom<unknown>(
      true,
      false,
      ['==', of('request', 'none'), 1],
      ['<', of('request', 'path'), 1],
      of('request', 'path'),
    ),
    fc.constantFrom<unknown>(['frobnicate', 1], ['in', of('request', 'path'), ['e', 'Group', 'staff']], null, { a: 1 }),
  ),
})).form;

/** Mostly right, with a member or two at or over its edge. */
const claims = fc
  .tuple(
    fc.record({
      iss: mostly(good.iss, 'spiffe://postern.tes', 'spiffe://postern.test/', ''),
      aud: mostly(good.aud, 'branch', 'gw-1', 'Main'),
      did: mostly(good.did, 'dev_00000002'),
      app: mostly(good.app, 'db', 'none'),
      act: mostly(good.act, 'connect'),
      jti: mostly(good.jti, 'gr_revoked1'),
      iat: mostly(good.iat, nowSeconds + 5, nowSeconds + 6, nowSeconds - 299, nowSeconds - 300, 0, 4_294_967_295, 0.5),
      exp: mostly(good.exp, nowSeconds, nowSeconds + 1, nowSeconds - 1, nowSeconds + 290, 0, 4_294_967_295),
      cnf: mostly(good.cnf, { jkt: 'x'.repeat(43) }, { jkt: 'K'.repeat(43) }),
      seen: mostly(good.seen, 0, 20, 21, 2 ** 53 - 1),
      epoch: mostly(good.epoch, 2, 0),
      use: mostly(good.use, 'once'),
      rules: fc.oneof(
        { weight: 3, arbitrary: fc.constant<unknown>(good.rules) },
        { weight: 2, arbitrary: rules() },
        { weight: 1, arbitrary: nearValid(grantRules) },
      ),
    }),
    fc.option(fc.record({ name: fc.string({ maxLength: 100 }), groups: fromSchema(grantClaims.properties.groups) })),
  )
  .map(([changes, more]) => ({ ...good, ...changes, ...more }));

function mostly<T>(right: T, ...wrong: unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 30, arbitrary: fc.constant<unknown>(right) },
    { weight: 1, arbitrary: fc.constantFrom(...wrong) },
  );
}

function rules(): fc.Arbitrary<unknown> {
  const term = fc.record({ p: fc.nat(20), if: residual }, { requiredKeys: ['p'], noNullPrototype: true });
  const terms = fc.array(term, { maxLength: 3 });
  const one = fc.oneof(
    fc.constant(exact),
    fc.record({ ...constants(exact), path: fc.constantFrom('/page', '/p', '/Page') }),
  );
  return fc.record(
    { v: mostly(2, 1, 3), exact: one, permits: terms, forbids: terms },
    { requiredKeys: ['v', 'permits', 'forbids'], noNullPrototype: true },
  );
}

function constants<T extends object>(values: T) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.constant(value)]));
}

const header = mostly(
  { alg: 'ES256', typ: grantType, kid: 'key-1' },
  { alg: 'none', typ: grantType, kid: 'key-1' },
  { alg: 'HS256', typ: grantType, kid: 'key-1' },
  { alg: 'ES256', typ: 'postern-identity+jwt', kid: 'key-1' },
  { alg: 'ES256', typ: grantType.toUpperCase(), kid: 'key-1' },
  { alg: 'ES256', typ: grantType, kid: 'key-2' },
  { alg: 'ES256', typ: grantType, kid: '__proto__' },
  { alg: 'ES256', typ: grantType, kid: 'key-1', crit: ['exp'] },
  { typ: grantType, alg: 'ES256', kid: 'key-1' },
  ['ES256'],
);
const json = (value: unknown) => JSON.stringify(value) ?? 'null';
const doubled = (text: string, name: string, value: string) => text.replace('{', `{"${name}":${value},`);

const cases: fc.Arbitrary<Case> = fc.record({
  header: fc.oneof(
    { weight: 8, arbitrary: header.map(json) },
    { weight: 1, arbitrary: header.map((value) => doubled(json(value), 'alg', '"none"')) },
  ),
  payload: fc.oneof(
    { weight: 8, arbitrary: claims.map(json) },
    { weight: 2, arbitrary: nearValid(grantClaims).map(json) },
    { weight: 1, arbitrary: claims.map((value) => doubled(json(value), 'sub', '"root"')) },
    { weight: 1, arbitrary: fc.json() },
  ),
  key: fc.oneof({ weight: 9, arbitrary: fc.constant('right' as const) }, fc.constant('other' as const)),
  signature: fc.oneof(
    { weight: 9, arbitrary: fc.constant('p1363' as const) },
    fc.constantFrom('der' as const, 'none' as const, 'twin' as const),
  ),
  edits: edits({ tokens: ['.', '=', '-', '_', ', ', '..'] }),
});

function tokenOf({ header, payload, key, signature, edits }: Case): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  const { privateKey } = key === 'right' ? signer : other;
  const bytes =
    signature === 'none'
      ? Buffer.alloc(0)
      : sign('sha256', Buffer.from(input), {
          key: privateKey,
          dsaEncoding: signature === 'der' ? 'der' : 'ieee-p1363',
        });
  if (signature === 'twin') {
    // ECDSA knows two signatures for each: s and n - s.
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    bytes.write(s.toString(16).padStart(64, '0'), 32, 'hex');
  }
  return applyEdits(Buffer.from(`${input}.${bytes.toString('base64url')}`), edits).toString('latin1');
}

/** By its own reading: may this token let `GET /page` in at `at`? */
function isGood(text: string, at: number): boolean {
  const [head = '', body = '', signature = '', ...rest] = text.split('.');
  if (rest.length > 0) return false;
  const bytes = Buffer.from(signature, 'base64url');
  const key = { key: signer.publicKey, dsaEncoding: 'ieee-p1363' } as const;
  if (bytes.length !== 64 || !verify('sha256', Buffer.from(`${head}.${body}`), key, bytes)) return false;
  try {
    const { alg, typ, kid } = JSON.parse(Buffer.from(head, 'base64url').toString());
    const isOurs = alg === 'ES256' && typ === grantType && kid === 'key-1';
    return isOurs && allowsPage(JSON.parse(Buffer.from(body, 'base64url').toString()), at);
  } catch {
    return false;
  }
}

function allowsPage(claims: GrantClaims, at: number): boolean {
  const { iss, aud, cnf, did, app, act, iat, exp, epoch, use } = claims;
  const named = iss === good.iss && aud === 'main' && app === 'wiki' && act === 'request' && use === 'many';
  const bound = cnf.jkt === good.cnf.jkt && did === good.did;
  const inTime = iat <= at / 1000 + 5 && exp > at / 1000 && exp > iat && exp - iat <= 300;
  return named && bound && inTime && epoch >= 3 && !isRevoked(claims) && isRuledIn(claims);
}

const isRevoked = ({ jti, seen }: GrantClaims) => jti === 'gr_revoked1' && seen < 21;

/** The value of a residual for `GET /page` from 192.0.2.7; `refused` for what this small reading does not know. */
function readingOf(form: unknown): unknown {
  if (typeof form === 'boolean' || typeof form === 'string') return form;
  if (typeof form === 'number') return form;
  if (!Array.isArray(form)) throw new Refused();
  const [name, ...rest] = form as unknown[];
  if (name === 'c') {
    const [part, member] = rest;
    const known: Record<string, unknown> = { method: 'GET', host: exact.host, path: '/page', query: '', operation: '' };
    if (part === 'network' && member === 'address' && rest.length === 2) return { address: '192.0.2.7' };
    if (part !== 'request' || rest.length !== 2) throw new Refused();
    return typeof member === 'string' && Object.hasOwn(known, member) ? known[member] : erring;
  }
  if (name === 'ip') return { range: rest[0] };
  if (name === '&&' || name === '||') {
    for (const term of rest) canonical(name, term);
    const values = rest.map(readingOf);
    const end = values.find((value) => value !== (name === '&&'));
    return end === undefined ? name === '&&' : typeof end === 'boolean' ? end : erring;
  }
  const values = rest.map(readingOf);
  if (name !== '!' && name !== '==' && name !== '<' && name !== 'isInRange') throw new Refused();
  if (values.includes(erring)) return erring;
  if (name === '!') return typeof values[0] === 'boolean' ? !values[0] : erring;
  if (name === '==') return values[0] === values[1];
  if (name === '<') return erring;
  return (values[1] as { range: string }).range === '192.0.2.0/24';
}

const erring = Symbol('erring');
class Refused extends Error {}

/** A chain in a chain of the same operator, at its left or anywhere, is written as one. */
function canonical(name: unknown, term: unknown): void {
  if (Array.isArray(term) && term[0] === name) throw new Refused();
}

function isRuledIn({ rules }: GrantClaims): boolean {
  try {
    const ofTerm = ({ if: form }: RuleTerm) => (form === undefined ? true : readingOf(form));
    const [permits, forbids] = [rules.permits.map(ofTerm), rules.forbids.map(ofTerm)];
    const one: Partial<typeof exact> = rules.exact ?? exact;
    const isServed = Object.entries(exact).every(([name, value]) => one[name as 'path'] === value);
    return rules.v === 2 && isServed && permits.includes(true) && forbids.every((value) => value === false);
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

export const grant: FuzzTarget = {
  name: 'grant',
  about: 'grant tokens through the gates of the gateway',
  block: 2000,
  async open() {
    const revocations = [{ kind: 'grant', id: 'gr_revoked1', seen: 21, until: now + 1000, reason: 'revoked' }] as const;
    const state = makeState({ floors: [{ app: 'wiki', epoch: 3 }], revocations: [...revocations] });
    const cache = new GrantCache(64);
    const usual = makeAsk();
    const judged = (changes: Partial<Ask>, at = now) =>
      passGates({ ...usual, grants: new GrantCache(), found: {}, ...changes }, state, at)?.code;
    return {
      cases: cases as fc.Arbitrary<never>,
      judge(one: Case) {
        const text = tokenOf(one);
        const code = judged({ grant: text });
        must(code === judged({ grant: text, grants: cache }), 'a cache changes the verdict');
        must(code === judged({ grant: text, grants: cache }), 'a hit of the cache changes the verdict');
        must(code === undefined || isErrorCode(code), 'a refusal without a code');
        const good = isGood(text, now);
        if (code === undefined) must(good, 'a token that is not good was let in');
        // A term of rules that this reading does not look into may be unknown to the gate.
        else if (code !== 'rules-unknown') must(!good || !isWellSpelled(text), `a good token was refused: ${code}`);
        must(judged({ grant: text, peer: undefined }) !== undefined, 'let in without a certificate');
        must(judged({ grant: text }, now + 400_000) !== undefined || isGood(text, now + 400_000), 'let in too late');
      },
    } as OpenTarget<never>;
  },
};

/** Of a good token: our own schema and the one spelling. What is odd in these may be refused, however good it is. */
function isWellSpelled(text: string): boolean {
  const parts = text.split('.');
  if (text.length > maxGrantBytes || parts.some((part) => toBase64url(part) !== part)) return false;
  const [header, payload] = parts.map((part) => Buffer.from(part, 'base64url').toString());
  const isPlain = [header, payload].every((part) => json(JSON.parse(part!)) === part);
  return isPlain && Object.keys(JSON.parse(header!)).length === 3 && Value.Check(grantClaims, JSON.parse(payload!));
}

const toBase64url = (part: string) => Buffer.from(part, 'base64url').toString('base64url');

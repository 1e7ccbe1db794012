/** Grants for one use, and grants for many where one use at a time is wanted (P18), through the whole row of gates. */
import t, { type Test } from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Ask } from '../../../gateway/gates/ask.ts';
import { passGates } from '../../../gateway/gates/index.ts';
import type { WireState } from '../../../gateway/state/stream-types.ts';
import { claims, grantText, makeAsk, makeState, now, wiki } from '../../support/gate-ask.ts';
import { tcpApp } from '../../support/gateway-apps.ts';

type Row = [what: string, code: string | undefined, ask: Partial<Ask>, state?: Partial<WireState>];

function judge(rows: readonly Row[]) {
  return async (t: Test) => {
    for (const [what, code, ask, state] of rows)
      t.equal(passGates(makeAsk(ask), makeState(state), now)?.code, code, what);
  };
}

const granted = (changes: Partial<GrantClaims>): Partial<Ask> => ({ grant: grantText(changes) });
const rules = (changes: object): GrantClaims['rules'] => ({ v: 2, permits: [], forbids: [], ...changes }) as never;
const ruled = (changes: object) => granted({ rules: rules(changes) });
const terms = (list: readonly unknown[], first = 0) =>
  list.map((term, at) => (term === true ? { p: first + at } : { p: first + at, if: term }));
const path = (value: string) => ['==', ['c', 'request', 'path'], value];
const operation = ['==', ['c', 'request', 'operation'], 'view'];
const errs = ['<', ['c', 'request', 'path'], 1];
/** The app that wants one operation of it granted for one use at a time. */
const onceFor = (pattern: string) => wiki({ operations: { it: pattern }, once: ['it'] });
const limited = (limits: object) => ({ apps: [wiki({ limits })] });
const used = (running: number, left: number) => ({ usage: () => ({ running, left, retryAfterMs: 7 }) });
const connect: Partial<Ask> = {
  kind: 'connect',
  method: 'CONNECT',
  url: 'db.corp.example:5432',
  host: 'db.corp.example:5432',
};
const withDb = { apps: [wiki(), tcpApp(2)] };

const thisPage = { method: 'GET', host: 'wiki.corp.example', path: '/page', query: '' };
const once = (changes: Partial<GrantClaims> = {}): Partial<Ask> =>
  granted({ use: 'once', aud: 'gw-1', rules: rules({ exact: thisPage, permits: [{ p: 0 }] }), ...changes });
/** For many, beside permits that are for one use at a time. */
const beside = (...onces: readonly unknown[]) => ruled({ permits: [{ p: 9 }], once: terms(onces) });
const usedUp = { used: { has: () => true } };
t.test(
  'once',
  judge([
    ['for this very request', undefined, once()],
    ['for what the app grants one by one', undefined, once(), { apps: [onceFor('GET /page')] }],
    ['for the site', 'grant-audience', once({ aud: 'main' })],
    ['for another gateway', 'grant-audience', once({ aud: 'gw-2' })],
    ['for many at one gateway', 'grant-audience', granted({ aud: 'gw-1' })],
    ['for any request', 'rules-unknown', once({ rules: claims.rules })],
    ['for another request', 'rules-refused', { ...once(), url: '/page?x=1' }],
    ['used before', 'grant-used', { ...once(), ...usedUp }],
    ['used before and for another request', 'rules-refused', { ...once(), url: '/', ...usedUp }],
    [
      'used before, while the app is at its limit',
      'limit-reached',
      { ...once(), ...usedUp, ...used(0, 0.5) },
      limited({ requestsPerSecond: 5 }),
    ],
    ['for many, whatever was used', undefined, usedUp],
    ['for many, where a policy wants one use at a time', 'once-needed', beside(path('/page'))],
    ['for many, where it wants that of other requests', undefined, beside(path('/export'), operation)],
    ['for many, where one of two wants it', 'once-needed', beside(path('/export'), path('/page'))],
    ['for many, where that policy errs', 'once-needed', beside(errs)],
    ['for many, where that holds whatever the request is', 'once-needed', beside(true)],
    ['for many, where that cannot be read', 'rules-unknown', beside(['nothing'])],
    [
      'for many, where it is forbidden besides',
      'rules-refused',
      ruled({ permits: [{ p: 9 }], forbids: terms([path('/page')]), once: terms([true], 1) }),
    ],
    [
      'for one connection',
      undefined,
      { ...connect, ...once({ app: 'db', act: 'connect', rules: claims.rules }) },
      withDb,
    ],
  ]),
);

/** P7, P10: the rules of a grant, judged for one request, through the whole row of gates. */
import t from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { wiki } from '../../support/gate-ask.ts';
import { granted, judge } from '../../support/gate-rows.ts';

const connect = {
  kind: 'connect',
  method: 'CONNECT',
  url: 'db.corp.example:5432',
  host: 'db.corp.example:5432',
} as const;
const onceFor = (pattern: string) => wiki({ operations: { it: pattern }, once: ['it'] });
const rules = (changes: object): GrantClaims['rules'] => ({ v: 2, permits: [], forbids: [], ...changes }) as never;
const ruled = (changes: object) => granted({ rules: rules(changes) });
const exactRules = (changes = {}) => {
  const request = { method: 'GET', host: 'wiki.corp.example', path: '/page', query: '', ...changes };
  return rules({ exact: request, permits: [{ p: 0 }] });
};
const exact = (changes = {}) => granted({ rules: exactRules(changes) });
/** Terms: `true` for one without a residual. */
const terms = (list: readonly unknown[], first = 0) =>
  list.map((term, at) => (term === true ? { p: first + at } : { p: first + at, if: term }));
const left = (permits: readonly unknown[], forbids: readonly unknown[] = []) =>
  ruled({ permits: terms(permits), forbids: terms(forbids, permits.length) });
const path = (value: string) => ['==', ['c', 'request', 'path'], value];
const from = (range: string) => ['isInRange', ['c', 'network', 'address'], ['ip', range]];
const operation = ['==', ['c', 'request', 'operation'], 'view'];
const errs = ['<', ['c', 'request', 'path'], 1];
const viewing = { apps: [wiki({ operations: { view: 'GET /page' } })] };
/** The first term is a permit, the others forbid. */
const tunnelled = ([permit, ...forbids]: readonly unknown[]) =>
  granted({ app: 'db', act: 'connect', rules: rules({ permits: terms([permit]), forbids: terms(forbids) }) });
t.test(
  'request rules',
  judge([
    ['no permit', 'rules-refused', left([])],
    ['P7 a permit that is true', undefined, left([path('/page')])],
    ['P7 a permit that is not', 'rules-refused', left([path('/pag')])],
    ['P7 one of two', undefined, left([path('/x'), path('/page')])],
    ['P7 a permit that errs', 'rules-refused', left([errs])],
    ['P7 a permit that errs beside one that is true', undefined, left([errs, true])],
    ['P7 a forbid that is true', 'rules-refused', left([true], [path('/page')])],
    ['P7 a forbid that is false', undefined, left([true], [path('/x')])],
    ['P7 a forbid that errs', 'rules-refused', left([true], [errs])],
    ['P7 a forbid without a condition', 'rules-refused', left([true], [true])],
    ['P7 a permit that is no boolean', 'rules-refused', left([['c', 'request', 'path']])],
    ['P7 a forbid that is no boolean', 'rules-refused', left([true], ['false'])],
    ['P10 from here', undefined, left([from('192.0.2.0/24')])],
    ['P10 from elsewhere', 'rules-refused', left([from('10.0.0.0/8')])],
    ['P10 forbidden from here', 'rules-refused', left([true], [from('192.0.2.7')])],
    ['P10 an address that is none', 'rules-unknown', { ...left([true], [from('10.0.0.0/8')]), address: 'somewhere' }],
    ['P10 an address that is none, where nobody looks', undefined, { ...left([true]), address: 'somewhere' }],
    ['P9 the operation by the app as it is here', undefined, left([operation]), viewing],
    ['P9 another operation', 'rules-refused', { ...left([operation]), method: 'POST' }, viewing],
    ['P9 no operation', 'rules-refused', left([operation])],
    ['P9 HEAD has the operation of GET', undefined, { ...left([operation]), method: 'HEAD' }, viewing],
    ['P9 spelled in another way', undefined, { ...left([path('/page')]), url: '/%70age' }],
    ['a tunnel from here', undefined, { ...connect, ...tunnelled([from('192.0.2.0/24')]) }],
    ['a tunnel from elsewhere', 'rules-refused', { ...connect, ...tunnelled([from('10.0.0.0/8')]) }],
    ['a tunnel has no request', 'rules-refused', { ...connect, ...tunnelled([path('/page')]) }],
    [
      'a tunnel has no request, and a forbid that looks errs',
      'rules-refused',
      { ...connect, ...tunnelled([true, path('')]) },
    ],
    ['the members are known', 'rules-unknown', ruled({ permits: [{ p: 0 }], more: 1 })],
    ['the version is known', 'rules-unknown', ruled({ v: 3, permits: [{ p: 0 }] })],
    ['the former version', 'rules-unknown', ruled({ v: 1, permits: [{ all: true }] })],
    ['a term that says more', 'rules-unknown', ruled({ permits: [{ p: 0, unless: true }] })],
    ['a term without a number', 'rules-unknown', ruled({ permits: [{ if: true }] })],
    ['terms that are none', 'rules-unknown', ruled({ permits: [null] })],
    ['an unknown forbid beside a good permit', 'rules-unknown', left([true], [['frobnicate', 1]])],
    ['an unknown permit beside a good one', 'rules-unknown', left([true, ['frobnicate', 1]])],
    ['an extension that is not known', 'rules-unknown', left([['mac', 'a:b']])],
    ['not the canonical form', 'rules-unknown', left([['&&', ['&&', path('/page'), true], true]])],
    ['a form that is no expression', 'rules-unknown', left([{ '==': 1 }])],
    ['null', 'rules-unknown', left([null])],
    ['P7 what looks an entity up', 'rules-unknown', left([true, ['in', ['c', 'request'], ['e', 'Group', 'staff']]])],
    [
      'P7 an attribute of an entity, which nobody sent',
      'rules-unknown',
      left([['.', ['e', 'Group', 'staff'], 'name']]),
    ],
    ['this request', undefined, exact()],
    ['HEAD is judged as GET', undefined, { ...exact(), method: 'HEAD' }],
    ['a HEAD is judged as GET', undefined, exact({ method: 'HEAD' })],
    ['this request spelled in another way', undefined, { ...exact(), url: '/%70age' }],
    ['another method', 'rules-refused', { ...exact(), method: 'POST' }],
    ['another path', 'rules-refused', exact({ path: '/pag' })],
    ['another query', 'rules-refused', { ...exact(), url: '/page?x' }],
    [
      'another host of the app',
      'rules-refused',
      { ...exact(), host: 'docs.corp.example' },
      { apps: [wiki({ hosts: ['wiki.corp.example', 'docs.corp.example'] })] },
    ],
    ['for many, what the app grants one by one', 'once-needed', {}, { apps: [onceFor('GET /page')] }],
    ['by HEAD, which is judged as GET', 'once-needed', { method: 'HEAD' }, { apps: [onceFor('GET /page')] }],
    ['for many, another operation', undefined, {}, { apps: [onceFor('POST /page')] }],
    [
      'a tunnel by an exact request',
      'rules-refused',
      {
        ...connect,
        ...granted({
          app: 'db',
          act: 'connect',
          rules: rules({
            exact: { method: 'CONNECT', host: 'db.corp.example', path: '/', query: '' },
            permits: [{ p: 0 }],
          }),
        }),
      },
    ],
  ]),
);

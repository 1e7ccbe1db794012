import t from 'tap';
import type { GrantRules } from '#shared/contracts/grant.ts';
import { isNarrower, whatRules } from '../../../controller/policy/what-rules.ts';
import { ask, compile, get } from '../../support/policy-facts.ts';

const base = 'permit(principal, action, resource);';
const onRequest = 'forbid(principal, action == Action::"request", resource) when { context.request.path like "/x*" };';
const onNetwork = 'forbid(principal, action, resource) unless { context.network.address.isInRange(ip("10.0.0.0/8")) };';
const exact = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };

t.test('what the policies look at decides how far a grant reaches', async (t) => {
  const rules = (text: string, question = ask({ request: get('/a') })) => whatRules(compile(text), question);
  const whole = { scope: 'app', rules: { v: 1, permits: [{ all: true }], forbids: [] } };
  t.same(rules(base), whole);
  t.same(rules(base + onRequest), { scope: 'request', rules: { v: 1, permits: [{ exact }], forbids: [] } });
  t.same(rules(base + onNetwork).rules.permits, [{ all: true, from: '10.1.2.3' }]);
  t.same(rules(base + onNetwork + onRequest).rules.permits, [{ exact, from: '10.1.2.3' }]);
  t.same(rules(base + onRequest, ask({ act: 'connect' })), whole, 'a connection has no request');
  t.throws(() => rules(base + onRequest, ask()), 'never the whole app for want of a request');
  for (const other of [
    onRequest.replace('resource)', 'resource == App::"other")'),
    onRequest.replace('resource)', 'resource in AppGroup::"other")'),
    onRequest.replace('principal,', 'principal in Group::"other",'),
    onRequest.replace('principal,', 'principal == Person::"bob",'),
  ])
    t.same(rules(base + other), whole, other);
  for (const own of [
    onRequest.replace('resource)', 'resource is App in AppGroup::"internal")'),
    onRequest.replace('principal,', 'principal is Person in Group::"staff",'),
    onRequest.replace('context.request.path like "/x*"', 'context has request.path'),
    onRequest.replace('context.request.path like "/x*"', 'context == context'),
  ])
    t.equal(rules(base + own).scope, 'request', own);
});

t.test('P14 narrower is what lets less through', async (t) => {
  const of = (...permits: GrantRules['permits']): GrantRules => ({ v: 1, permits, forbids: [] });
  const all = of({ all: true });
  const one = of({ exact });
  const here = of({ all: true, from: '10.0.0.1' });
  const other = of({ exact: { ...exact, path: '/b' } });
  const cases: [GrantRules, GrantRules, boolean][] = [
    [all, all, false],
    [all, one, true],
    [one, all, false],
    [one, other, true],
    [all, here, true],
    [here, all, false],
    [here, of({ all: true, from: '10.0.0.2' }), true],
    [all, of(), true],
    [all, { ...all, forbids: [{ exact }] }, true],
    [{ ...all, forbids: [{ exact }] }, all, false],
  ];
  for (const [before, after, narrower] of cases)
    t.equal(isNarrower(before, after), narrower, JSON.stringify([before, after]));
});

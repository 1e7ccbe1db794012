import t from 'tap';
import type { GrantRules } from '#shared/contracts/grant.ts';
import { ruleOn } from '../../../controller/policy/what-rules.ts';
import { ask, compile, get } from '../../support/policy-facts.ts';

const base = 'permit(principal, action, resource);';
const onRequest = 'forbid(principal, action == Action::"request", resource) when { context.request.path like "/x*" };';
const onNetwork = 'forbid(principal, action, resource) unless { context.network.address.isInRange(ip("10.0.0.0/8")) };';
const exact = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };
const path = ['c', 'request', 'path'];
const outside = ['!', ['isInRange', ['c', 'network', 'address'], ['ip', '10.0.0.0/8']]];

t.test('P10 what is left of the policies is what a grant carries, by their numbers', async (t) => {
  const rules = (text: string, over = {}) => ruleOn(compile(text), ask({ networkUnknown: true, ...over })).rules;
  const whole: GrantRules = { v: 2, permits: [{ p: 0 }], forbids: [] };
  t.same(rules(base), whole);
  t.same(rules(base + onRequest), { ...whole, forbids: [{ p: 1, if: ['like', path, '/x', 0] }] });
  t.same(rules(onRequest + base), { ...whole, permits: [{ p: 1 }], forbids: [{ p: 0, if: ['like', path, '/x', 0] }] });
  t.same(rules(base + onNetwork), { ...whole, forbids: [{ p: 1, if: outside }] });
  const request = get('/a');
  t.same(rules(base + onRequest, { request }), { ...whole, exact }, 'a forbid that is false is gone');
  t.same(rules(base + onNetwork + onRequest, { request }), { ...whole, exact, forbids: [{ p: 1, if: outside }] });
  t.same(rules(base + onRequest, { act: 'connect' }), whole, 'a connection has no request');
  t.same(rules(`${base} forbid(principal, action, resource) when { context has request };`, { act: 'connect' }), whole);
  for (const other of [
    onRequest.replace('resource)', 'resource == App::"other")'),
    onRequest.replace('resource)', 'resource in AppGroup::"other")'),
    onRequest.replace('principal,', 'principal in Group::"other",'),
    onRequest.replace('principal,', 'principal == Person::"bob",'),
  ])
    t.same(rules(base + other), whole, other);
});

t.test('P7 what is certain is decided, and what could err stays', async (t) => {
  const ruling = (text: string) => ruleOn(compile(text), ask({ networkUnknown: true }));
  const when = (effect: string, condition: string) =>
    `@id("${effect}") ${effect}(principal, action == Action::"request", resource) when { ${condition} };`;
  const like = 'context.request.path like "/x*"';
  const denies = (text: string, reason: string, policies: string[] = []) => {
    const { verdict, rules } = ruling(text);
    t.match(verdict, { verdict: 'deny', reasons: [reason] }, text);
    t.same([verdict.policies, rules], [policies, undefined], text);
  };
  denies(when('permit', `${like} && !context.device.firewallOn`), 'no-permit');
  denies(base + when('forbid', `${like} || context.device.firewallOn`), 'policy-forbid', ['forbid']);
  denies(base + when('forbid', 'context.session.signInAge * 9007199254740991 > 0 || true'), 'policy-error', ['forbid']);
  t.match(ruling(base + when('permit', 'context.session.signInAge * 9007199254740991 > 0')), {
    verdict: { verdict: 'allow', policies: ['test#0'], errors: [/overflow/] },
    rules: { permits: [{ p: 0 }] },
  });
  const overflows = `(if ${like} then context.session.signInAge else 9007199254740991) * 9000 > 0`;
  t.match(ruling(base + when('forbid', `${overflows} && !context.device.firewallOn`)).rules?.forbids, [
    { p: 1, if: ['&&', ['>', ['*', ['?'], 9000], 0], false] },
  ]);
});

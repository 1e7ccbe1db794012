/** Policy decisions: what one costs, what policies of other apps add to it, and the official engine beside it. */
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { App } from '#shared/contracts/app.ts';
import { decide } from '../../controller/policy/decide.ts';
import { allows } from '../../gateway/grants/allows.ts';
import { RuleCompiler } from '../../gateway/grants/compile-rules.ts';
import { wikiApp } from '../support/policy-desk.ts';
import { ask, compile, goodFacts, wiki } from '../support/policy-facts.ts';
import { type Bench, interleaved, median, medianRatio, perCpuSecond, times, whole } from './measure.ts';

const own = `
permit (principal in Group::"staff", action == Action::"request", resource == App::"wiki")
when { context.device.firewallOn && context.session.secondFactorAge <= 36000 };
forbid (principal, action, resource == App::"wiki") unless { context.device.diskEncrypted };`;
const others = (count: number) =>
  Array.from(
    { length: count },
    (_, index) =>
      `permit (principal in Group::"staff", action, resource == App::"app-${index}") when { context.device.screenLock };`,
  ).join('\n');

/** Facts, person and app are new objects each time, as they come from the store: nothing is remembered between two. */
const newAsk = () => ask({ facts: { ...goodFacts, person: { ...goodFacts.person } }, app: { ...wiki } });

const ours = (policies: number) => {
  const set = compile(own + others(policies));
  const operations = 100_000;
  return () =>
    perCpuSecond(operations, () => {
      for (let n = 0; n < operations; n++)
        if (decide(set, newAsk()).verdict !== 'allow') throw new Error('it must allow');
    });
};

/** The same policies and the three facts that they read, handed over ready. */
const official = (policies: number) => {
  const name = `bench-${policies}`;
  const parsed = preparsePolicySet(name, { staticPolicies: own + others(policies) });
  if (parsed.type !== 'success') throw new Error(parsed.errors[0]?.message);
  const person = { type: 'Person', id: 'alice' };
  const app = { type: 'App', id: 'wiki' };
  const call = {
    principal: person,
    action: { type: 'Action', id: 'request' },
    resource: app,
    context: { device: { firewallOn: true, diskEncrypted: true }, session: { secondFactorAge: 600 } },
    entities: [
      { uid: person, attrs: {}, parents: [{ type: 'Group', id: 'staff' }] },
      { uid: app, attrs: {}, parents: [] },
    ],
    preparsedPolicySetId: name,
  };
  const operations = 300;
  return () =>
    perCpuSecond(operations, () => {
      for (let n = 0; n < operations; n++) {
        const answer = statefulIsAuthorized(call);
        if (answer.type !== 'success' || answer.response.decision !== 'allow') throw new Error('it must allow');
      }
    });
};

/** Rules as policies that look at request and network leave them, compiled with the grant; a new request each time. */
const rules = {
  v: 2,
  permits: [
    { p: 0 },
    { p: 3, if: ['&&', ['==', ['c', 'request', 'operation'], 'export'], ['==', ['c', 'request', 'method'], 'POST']] },
  ],
  forbids: [
    { p: 5, if: ['like', ['c', 'request', 'path'], '/admin', 0] },
    { p: 8, if: ['!', ['isInRange', ['c', 'network', 'address'], ['ip', '10.0.0.0/8']]] },
  ],
};
const residual = () => {
  const compiled = new RuleCompiler().compile(rules);
  const app = { ...wikiApp, operations: { export: 'POST /reports/*/export', view: 'GET /reports/**' } } as App;
  const operations = 200_000;
  return () =>
    perCpuSecond(operations, () => {
      for (let n = 0; n < operations; n++) {
        const request = { method: 'GET', host: 'wiki.test', path: `/reports/${n}`, query: '' };
        if (allows(compiled, { request, address: '10.1.2.3', app }).verdict !== 'allow')
          throw new Error('it must allow');
      }
    });
};

export const decisions: Bench = {
  name: 'decisions',
  about:
    'decisions in a second of one core, 2 policies of the app and 10 or 1,000 of others, beside the official engine; rules at a gateway',
  async run() {
    const contenders = {
      few: ours(10),
      many: ours(1000),
      officialFew: official(10),
      officialMany: official(1000),
      residual: residual(),
    } as const;
    const names = ['few', 'many', 'officialFew', 'officialMany', 'residual'] as const;
    for (const name of names) await contenders[name]();
    const rates = await interleaved(names, 5, (name) => contenders[name]());
    const beside = (own: readonly number[], theirs: readonly number[]) =>
      `${times(medianRatio(own, theirs))} the official engine (${whole(median(theirs))})`;
    return [
      {
        what: 'decisions a second of one core, 10 policies of other apps',
        measured: whole(median(rates.few)),
        beside: beside(rates.few, rates.officialFew),
      },
      {
        what: 'decisions a second of one core, 1,000 policies of other apps',
        measured: whole(median(rates.many)),
        beside: `${times(medianRatio(rates.few, rates.many))} the cost of 10; ${beside(rates.many, rates.officialMany)}`,
      },
      {
        what: 'checks of 4 rules of a grant a second of one core, 3 of them residuals over operation, path and address',
        measured: whole(median(rates.residual)),
        beside: `${(1e6 / median(rates.residual)).toFixed(2)} us each`,
      },
    ];
  },
};

/** Policy decisions: what one costs, what policies of other apps add to it, and the official engine beside it. */
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { decide } from '../../controller/policy/decide.ts';
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

export const decisions: Bench = {
  name: 'decisions',
  about:
    'decisions in a second of one core, 2 policies of the app and 10 or 1,000 of others, beside the official engine',
  async run() {
    const contenders = {
      few: ours(10),
      many: ours(1000),
      officialFew: official(10),
      officialMany: official(1000),
    } as const;
    const names = ['few', 'many', 'officialFew', 'officialMany'] as const;
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
    ];
  },
};

/** Policy decisions by the official engine: what one costs, and what policies of other apps add to it. */
import { decide } from '../../controller/policy/decide.ts';
import { ask, compile } from '../support/policy-facts.ts';
import { type Bench, perSecond, times, whole } from './measure.ts';

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

const operations = 2000;

export const decisions: Bench = {
  name: 'decisions',
  about: 'policy decisions a second, with 2 policies of the app and 10 or 1,000 of others',
  async run() {
    const rate = (count: number) => {
      const set = compile(own + others(count));
      return perSecond(operations, () => {
        for (let n = 0; n < operations; n++)
          if (decide(set, ask()).verdict !== 'allow') throw new Error('it must allow');
      });
    };
    const few = await rate(10);
    const many = await rate(1000);
    return [
      { what: 'decisions a second, 10 policies of other apps', measured: whole(few) },
      {
        what: 'decisions a second, 1,000 policies of other apps',
        measured: whole(many),
        beside: `${times(few / many)} the cost of 10`,
      },
    ];
  },
};

/** However much policies name, a search decides no more often than it may, and says when that was not enough. Counted, not timed. */
import t from 'tap';
import { searchChanges } from '../../../controller/policy/admin-search.ts';
import type { Change } from '../../../controller/policy/change.ts';
import { couldAllow } from '../../../controller/policy/decide-partly.ts';
import { explainFully } from '../../../controller/policy/full-explanation.ts';
import { policiesInScope } from '../../../controller/policy/in-scope.ts';
import { nextOpening } from '../../../controller/policy/next-opening.ts';
import { findSmallest } from '../../../controller/policy/smallest-changes.ts';
import { ask, compile } from '../../support/policy-facts.ts';

const change = (name: string): Change => ({
  kind: 'group',
  by: 'admin',
  slot: name,
  text: name,
  suppose: (question) => question,
});

t.test('the search ends at its limit, and with a set that is known to do it still answers', async (t) => {
  const changes = Array.from({ length: 40 }, (_, at) => change(`g${at}`));
  const wanted = changes.slice(0, 5);
  let decided = 0;
  const allows = (set: readonly Change[]) => {
    decided += 1;
    return wanted.every((one) => set.includes(one));
  };
  t.same(findSmallest(changes, allows, { evaluations: 1000, most: 3 }), { sets: [], complete: false });
  t.equal(decided, 1000);
  decided = 0;
  const found = findSmallest(changes, allows, { evaluations: 1000, most: 3 }, changes);
  t.same(found, { sets: [wanted], complete: false }, 'reduced, not searched');
  t.ok(decided < 1200, String(decided));
  decided = 0;
  t.same(findSmallest(changes, allows, { evaluations: 64, most: 1 }, changes), { sets: [wanted], complete: true });
  t.ok(decided < 140, `${decided} for an employee`);
});

t.test('an opening is looked for at few moments, however many policies name', async (t) => {
  const minutes = Array.from({ length: 1440 }, (_, at) => at).join(', ');
  const many = Array.from(
    { length: 200 },
    () => 'permit(principal, action, resource) when { context.time.weekday > 7 && context.time.minuteOfDay == 7 };',
  );
  for (const text of [
    `permit(principal, action, resource) when { ![${minutes}].contains(context.time.minuteOfDay) };`,
    many.join('\n'),
  ]) {
    const set = compile(text);
    let decided = 0;
    nextOpening(policiesInScope(set, ask()), ask(), (question) => {
      decided += 1;
      return couldAllow(set, question).verdict === 'allow';
    });
    t.ok(decided > 0 && decided <= 200, String(decided));
  }
});

t.test('what was not tried is told', async (t) => {
  const groups = Array.from({ length: 100 }, (_, at) => `principal in Group::"g${at}"`);
  const chain = groups.slice(0, 60).join(' && ');
  const set = compile(`permit(principal, action, resource) when { ${chain} };`);
  const { sets, complete } = searchChanges(set, ask(), { checks: [] });
  t.same([sets, complete], [[], false]);
  const { words } = explainFully(set, ask(), couldAllow(set, ask()), { checks: [] });
  t.match(words.at(-1), /search ended at its limit/);
  const some = compile('permit(principal, action, resource) when { principal in Group::"a" };');
  t.match(searchChanges(some, ask(), { checks: [] }), { complete: true, sets: [[{ kind: 'group' }]] });
});

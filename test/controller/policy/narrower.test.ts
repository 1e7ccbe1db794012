import t from 'tap';
import type { GrantRules, RuleTerm } from '#shared/contracts/grant.ts';
import { isNarrower, narrowBoth } from '../../../controller/policy/narrower.ts';

const exact = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };
const of = (permits: RuleTerm[], forbids: RuleTerm[] = [], more = {}): GrantRules => ({
  v: 2,
  permits,
  forbids,
  ...more,
});
const is = (path: string, p = 0): RuleTerm => ({ p, if: ['==', ['c', 'request', 'path'], path] });
const all = of([{ p: 0 }]);

t.test('P14 narrower is what lets less through, or cannot be compared', async (t) => {
  const cases: [GrantRules, GrantRules, boolean][] = [
    [all, all, false],
    [all, of([{ p: 7 }]), false],
    [all, of([is('/a')]), true],
    [of([is('/a')]), all, false],
    [of([is('/a', 1)]), of([is('/b', 3), is('/a', 4)]), false],
    [of([is('/a'), is('/b')]), of([is('/a')]), true],
    [of([is('/a')]), of([is('/b')]), true],
    [all, of([]), true],
    [all, of([{ p: 0 }], [is('/a')]), true],
    [of([{ p: 0 }], [is('/a')]), all, false],
    [of([{ p: 0 }], [is('/a'), is('/b')]), of([{ p: 0 }], [is('/b', 5)]), false],
    [of([{ p: 0 }], [is('/a')]), of([{ p: 0 }], [is('/b')]), true],
    [all, of([{ p: 0 }], [], { once: [is('/a')] }), true],
    [of([{ p: 0 }], [], { once: [is('/a')] }), all, false],
    [of([{ p: 0 }], [], { once: [is('/a'), is('/b')] }), of([{ p: 0 }], [], { once: [is('/b', 5)] }), false],
    [of([{ p: 0 }], [], { once: [is('/a')] }), of([{ p: 0 }], [], { once: [is('/b')] }), true],
    [all, of([{ p: 0 }], [], { exact }), true],
    [of([{ p: 0 }], [], { exact }), all, false],
    [of([{ p: 0 }], [], { exact }), of([{ p: 0 }], [], { exact }), false],
    [of([{ p: 0 }], [], { exact }), of([{ p: 0 }], [], { exact: { ...exact, query: 'a' } }), true],
  ];
  for (const [before, after, narrower] of cases)
    t.equal(isNarrower(before, after), narrower, JSON.stringify([before, after]));
});

t.test('P10 what holds over a turn is what both let pass', async (t) => {
  const cases: [GrantRules, GrantRules, GrantRules | undefined][] = [
    [all, all, all],
    [all, of([is('/a')]), of([is('/a')])],
    [of([is('/a'), is('/b')]), of([is('/b'), is('/c')]), of([is('/b')])],
    [of([is('/a')]), of([is('/b')]), undefined],
    [of([{ p: 0 }], [is('/a', 1)]), of([{ p: 0 }], [is('/b', 2)]), of([{ p: 0 }], [is('/a', 1), is('/b', 2)])],
    [all, of([{ p: 0 }], [], { exact }), undefined],
  ];
  for (const [a, b, both] of cases) {
    t.same(narrowBoth(a, b), both, JSON.stringify([a, b]));
    if (both !== undefined) t.notOk(isNarrower(both, a) || isNarrower(both, b), 'and no more');
  }
});

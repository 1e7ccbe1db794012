/** What a gateway takes as rules, and that the work is bounded for whatever it is given. */
import t from 'tap';
import { allows } from '../../../gateway/grants/allows.ts';
import { RuleCompiler } from '../../../gateway/grants/compile-rules.ts';
import { httpApp } from '../../support/gateway-apps.ts';

const path = (value: string) => ['==', ['c', 'request', 'path'], value];
const rules = (form: unknown) => ({ v: 2, permits: [{ p: 0, if: form }], forbids: [] });
const request = { method: 'GET', host: 'wiki.corp.example', path: '/page', query: '' };
const judge = (compiler: RuleCompiler, form: unknown) =>
  allows(compiler.compile(rules(form)), { request, address: '192.0.2.7', app: httpApp(1) });

t.test('P7 deep, huge and odd rules are refused, and take no stack', async (t) => {
  const compiler = new RuleCompiler();
  const deep = (levels: number) => JSON.parse(`${'["!",'.repeat(levels)}true${']'.repeat(levels)}`);
  t.equal(judge(compiler, deep(200)).verdict, 'allow');
  for (const levels of [251, 499, 501, 5000])
    t.equal(judge(compiler, deep(levels)).verdict, 'rules-unknown', `${levels} levels`);
  const chain = (terms: number) => ['||', ...Array.from({ length: terms }, (_, at) => path(`/${at}`)), path('/page')];
  t.equal(judge(compiler, chain(10_000)).verdict, 'allow', 'a chain is not deep');
  t.equal(judge(compiler, chain(100_000)).verdict, 'rules-unknown', 'more operators than a policy may have');
  t.equal(
    judge(compiler, ['like', ['c', 'request', 'path'], ...Array(1000).fill(['a', 0]).flat()]).verdict,
    'rules-refused',
  );
  const many = { v: 2, permits: Array.from({ length: 129 }, (_, p) => ({ p })), forbids: [] };
  t.equal(compiler.compile(many), undefined, 'more terms than fit into a grant');
  for (const odd of [undefined, null, 1, 'rules', [], {}, { v: 2 }, { ...rules(true), forbids: undefined }])
    t.equal(compiler.compile(odd), undefined, JSON.stringify(odd));
});

t.test('the same residual is compiled once, and only so many are kept', async (t) => {
  const compiler = new RuleCompiler(4);
  const first = compiler.compile(rules(path('/a')));
  t.equal(compiler.compile(rules(path('/a')))?.permits[0]?.evaluate, first?.permits[0]?.evaluate);
  for (let at = 0; at < 100; at += 1) {
    compiler.compile(rules(path(`/${at}`)));
    t.ok(compiler.size <= 4);
  }
  t.equal(judge(compiler, path('/page')).verdict, 'allow');
});

t.test('the policies that determined it are named by their numbers', async (t) => {
  const compiler = new RuleCompiler();
  const of = (permits: unknown[], forbids: unknown[]) =>
    allows(compiler.compile({ v: 2, permits, forbids }), { request, address: '192.0.2.7', app: httpApp(1) });
  const page = { p: 3, if: path('/page') };
  const other = { p: 4, if: path('/other') };
  const errs = { p: 5, if: ['<', ['c', 'request', 'path'], 1] };
  t.same(of([{ p: 1 }, page, other, errs], [{ ...other, p: 9 }]), { verdict: 'allow', policies: [1, 3] });
  t.same(of([{ p: 1 }], [other, page]), { verdict: 'rules-refused', policies: [3] });
  t.same(of([{ p: 1 }], [errs, page]), { verdict: 'rules-refused', policies: [5, 3] }, 'a forbid that errs forbids');
  t.same(of([other, errs], []), { verdict: 'rules-refused', policies: [] });
});

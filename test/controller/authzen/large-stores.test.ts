/** Large stores and long searches hold nobody up, and what breaks the official engine breaks nothing else. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { buildStore, type CompiledStore } from '../../../controller/authzen/build-store.ts';
import type { DecisionPoint } from '../../../controller/authzen/decision-point.ts';
import { prepareStore } from '../../../controller/authzen/prepare-store.ts';
import { readSearch } from '../../../controller/authzen/read-request.ts';
import { runSearch } from '../../../controller/authzen/run-search.ts';
import { StoreJudge } from '../../../controller/authzen/store-judge.ts';
import { entitiesFromJson } from '../../../shared/cedar/entities.ts';
import { EntityUid } from '../../../shared/cedar/values.ts';
import { storeLimits } from '../../../shared/contracts/admin-authzen.ts';

const permitAll = 'permit (principal, action, resource);';
const uid = (type: string, id: string) => ({ type, id });

async function build(files: Parameters<typeof prepareStore>[0]): Promise<CompiledStore> {
  const { store, problems } = prepareStore(files);
  if (store === undefined) throw new Error(JSON.stringify(problems));
  return buildStore(store);
}

const search = (limit?: number) =>
  readSearch('subject', {
    subject: { type: 'user' },
    action: { name: 'read' },
    resource: { type: 'r', id: '1' },
    ...(limit === undefined ? {} : { page: { limit } }),
  });

t.test('a page ends when its time is up, with a candidate tried at least, and the pages are the whole', async (t) => {
  const tried: number[] = [];
  const point: DecisionPoint = {
    evaluate: () => ({ decision: true, policies: [] }),
    *candidates(_search, after) {
      for (let n = after === undefined ? 0 : Number(after) + 1; n < 5; n++)
        yield {
          cursor: `${n}`,
          test() {
            tried.push(n);
            return { type: 'user', id: `${n}` };
          },
        };
    },
  };
  const pages: number[] = [];
  let next: string | undefined;
  do {
    const page = await runSearch(point, search(), next, -1);
    pages.push(page.results.length);
    next = page.next;
  } while (next !== undefined);
  t.same(tried, [0, 1, 2, 3, 4], 'each once');
  t.same(pages, [1, 1, 1, 1, 1]);
  t.same((await runSearch(point, search(2), undefined)).next, '1');
  t.same((await runSearch(point, search(5), undefined)).next, undefined, 'nothing is behind the last one');
});

t.test('others get their turn while candidates are tried', async (t) => {
  let turns = 0;
  let running = true;
  const watch = async () => {
    for (; running; turns++) await nextTurn();
  };
  const watching = watch();
  const seen: number[] = [];
  const point: DecisionPoint = {
    evaluate: () => ({ decision: false, policies: [] }),
    *candidates() {
      for (let n = 0; n < 5; n++)
        yield {
          cursor: `${n}`,
          test() {
            seen.push(turns);
            for (const until = performance.now() + 10; performance.now() < until; );
            return undefined;
          },
        };
    },
  };
  await runSearch(point, search(), undefined, 60_000);
  running = false;
  await watching;
  t.equal(new Set(seen).size, 5, 'a turn of others between any two that take long');
});

t.test('entities that are read when they are asked for are those of the whole', async (t) => {
  const chain = Array.from({ length: 300 }, (_, n) => ({
    uid: uid('g', `g${n}`),
    attrs: { n },
    parents: n === 0 ? [] : [uid('g', `g${n - 1}`), uid('g', `g${n >> 1}`)].filter(({ id }) => id !== `g${n}`),
    tags: { t: `t${n}` },
  }));
  const entities = JSON.stringify([
    ...chain,
    { uid: uid('u', 'a'), attrs: {}, parents: [uid('g', 'g299'), uid('g', 'absent')] },
  ]);
  const { entities: stored } = await build({ policies: [{ name: 'a', text: permitAll }], entities });
  const whole = entitiesFromJson(JSON.parse(entities));
  // Some before those they are in, some after.
  const keys = ['g150', 'g299', 'g0', 'g7'].map((id) => new EntityUid('g', id));
  for (const key of [...keys, new EntityUid('u', 'a'), new EntityUid('u', 'b')]) {
    const [one, other] = [stored.find(key), whole.find(key)];
    t.same([...(one?.ancestors ?? [])].sort(), [...(other?.ancestors ?? [])].sort(), key.key);
    t.equal(one?.attributes.key, other?.attributes.key);
    t.equal(one?.tags.key, other?.tags.key);
  }
});

t.test('sizes beyond the limits are refused before anything reads them', async (t) => {
  const policies = [{ name: 'a', text: permitAll }];
  const refused = [
    { policies: [{ name: 'a', text: ' '.repeat(storeLimits.policyBytes + 1) }] },
    { policies: Array.from({ length: storeLimits.files + 1 }, (_, n) => ({ name: `${n}`, text: permitAll })) },
    { policies: [...policies, ...policies] },
    { policies, schema: ' '.repeat(storeLimits.schemaBytes + 1) },
    { policies, entities: ' '.repeat(storeLimits.entityBytes + 1) },
    { policies, links: ' '.repeat(storeLimits.policyBytes + 1) },
  ];
  for (const files of refused) t.equal(prepareStore(files).problems.length, 1);
  const parents = Array.from({ length: 3000 }, (_, n) => ({
    uid: uid('g', `${n}`),
    attrs: {},
    parents: n === 0 ? [] : [uid('g', `${n - 1}`)],
  }));
  t.equal(prepareStore({ policies, entities: JSON.stringify(parents) }).store, undefined, 'a hierarchy of millions');
});

t.test('a judge whose worker is given up judges the next store', async (t) => {
  const judge = new StoreJudge();
  t.teardown(() => judge.stop());
  // No files at all: the worker fails, as it would when the engine breaks.
  await t.rejects(judge.judge(undefined as never), { code: 'policy-too-slow' });
  const all = await Promise.all([1, 2, 3].map((n) => judge.judge({ policies: [{ name: `p${n}`, text: permitAll }] })));
  t.same(
    all.map(({ store }) => store?.policies[0]?.[0]),
    ['p1#0', 'p2#0', 'p3#0'],
  );
  await judge.stop();
  await t.rejects(judge.judge({ policies: [] }), { code: 'unavailable' });
});

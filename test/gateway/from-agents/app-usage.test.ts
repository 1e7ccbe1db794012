import t from 'tap';
import type { App } from '#shared/contracts/app.ts';
import { AppUsage } from '../../../gateway/from-agents/app-usage.ts';

const app = { id: 'wiki', kind: 'http', limits: { requestsPerSecond: 10 } } as unknown as App;
const device = 'dev_00000001';

t.test('a worker lets its share of the rate of an app through', async (t) => {
  for (const [workers, expected] of [
    [1, 10],
    [2, 5],
    [20, 1],
  ] as const) {
    const usage = new AppUsage(workers);
    let passed = 0;
    for (; passed < 100 && usage.usage(app, device, 0).left >= 1; passed += 1) usage.begin(app, device, 0);
    t.equal(passed, expected, `of ${workers}`);
    t.match(usage.usage(app, device, 0), { running: passed, retryAfterMs: (1000 * workers) / 10 });
    t.equal(Math.round(usage.usage(app, device, (1000 * workers) / 10).left * 1e6), 1e6, 'and one more after that');
  }
});

t.test('what has ended runs no more, and another device has none of it', async (t) => {
  const usage = new AppUsage(1);
  const ends = [usage.begin(app, device, 0), usage.begin(app, device, 0)];
  t.equal(usage.usage(app, device, 0).running, 2);
  t.equal(usage.usage(app, 'dev_00000002', 0).running, 0);
  for (const end of ends) end();
  t.equal(usage.usage(app, device, 0).running, 0);
});

/** Searching a log of a million records, or of as many as `BENCH_LOG_RECORDS` says: through the desk that the admin API asks. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { day, hour } from '#shared/base/clock.ts';
import type { SumField } from '#shared/contracts/admin-search.ts';
import type { FilterQuery } from '../../controller/log/search/filter.ts';
import { SearchDesk } from '../../controller/log/search/search-desk.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { type Dice, makeDice } from '../chaos/dice.ts';
import { appName, apps, endsAt, people, personName, writeLogData } from './log-data.ts';
import { type Bench, percentile, type Result, whole } from './measure.ts';

const rounds = 40;

/** Each time for something else, as people do. */
const queries: Readonly<Record<string, (dice: Dice) => FilterQuery>> = {
  'the newest': () => ({}),
  person: (dice) => ({ person: personName(dice.below(people)) }),
  device: (dice) => ({ device: `dev_${String(2 * dice.below(people)).padStart(12, '0')}` }),
  'app, denied': (dice) => ({ app: appName(dice.below(apps)), verdict: 'deny' }),
  'person and app': (dice) => ({ person: personName(dice.below(500)), app: appName(dice.below(apps)) }),
  'person, of one day': (dice) => {
    const from = endsAt - (1 + dice.below(360)) * day;
    return { person: personName(dice.below(500)), from, to: from + day };
  },
  'app, of one hour': (dice) => {
    const from = endsAt - (1 + dice.below(8000)) * hour;
    return { app: appName(dice.below(20)), from, to: from + hour };
  },
  'gateway, reason, method': (dice) => ({ gateway: `gw-${dice.below(10)}`, reason: 'policy-forbid', method: 'POST' }),
  'policy, kind': (dice) => ({ policy: `${appName(dice.below(apps))}-staff`, kind: 'grant' }),
  address: (dice) => ({ address: `10.${dice.below(20)}.0.${1 + dice.below(8)}` }),
  'network /16': (dice) => ({ address: `10.${dice.below(20)}.0.0/16`, verdict: 'deny' }),
  'network /12': () => ({ address: '10.0.0.0/12' }),
  'path prefix': (dice) => ({ path: dice.pick(['/payroll/export', '/orders/', '/invoices/4', '/p']) }),
  'status 5xx of an app': (dice) => ({ status: '5xx', app: appName(dice.below(apps)) }),
  'two words': (dice) => ({ text: `payroll ${dice.pick(['export', 'history', 'diff'])}` }),
  'a word that is rare': (dice) => ({ text: `ticket ${dice.below(100_000)}` }),
  'a phrase': (dice) => ({ text: `"for team ${dice.below(40)}"` }),
  'a beginning and a word': (dice) => ({ text: `pay* ${dice.pick(['view', 'edit'])}` }),
  'nothing there': (dice) => ({ person: personName(dice.below(people)), text: 'zeppelin' }),
  'seven filters': (dice) => ({
    kind: 'access',
    verdict: 'deny',
    app: `${appName(dice.below(20))},${appName(dice.below(20))}`,
    gateway: `gw-${dice.below(10)},gw-${dice.below(10)}`,
    method: 'GET',
    status: '403',
    from: endsAt - 90 * day,
  }),
};
const sums: readonly SumField[] = ['hour', 'day', 'app', 'person', 'device', 'reason', 'policy'];

export const logSearch: Bench = {
  name: 'log-search',
  about: 'searches of a log of 1,000,000 records (BENCH_LOG_RECORDS); BENCH_LOG_DB keeps it for the next run',
  async run(run) {
    const count = Number(process.env['BENCH_LOG_RECORDS'] ?? 1_000_000);
    const file = process.env['BENCH_LOG_DB'] ?? join(run.dir, 'controller.db');
    const results: Result[] = [];
    const size = `${whole(count)} records`;
    if (!existsSync(file)) await writeLogData(file, count, run.tell);
    const store = await openStore(file);
    run.defer(() => store.stop());
    const desk = new SearchDesk({ db: store.db, place: { file, log: 'bench' } });
    run.defer(() => desk.stop());
    const isNew = (await desk.ask('state', null)).through === 0;
    const began = performance.now();
    await desk.follow();
    const state = await desk.ask('state', null);
    if (isNew) {
      const took = performance.now() - began;
      results.push({
        what: `index of search made, ${size}`,
        measured: `${whole((state.through * 1000) / took)} a second`,
        beside: `${whole(state.bytes / state.through)} bytes a record, beside ${whole(store.size() / state.last)} in the database`,
      });
    }
    const all: number[] = [];
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const traces: string[] = [];
    const places = makeDice('traces');
    for (let at = 0; at < rounds; at++) {
      const order = { query: {}, after: 2 + places.below(state.last), limit: 1, count: false };
      traces.push((await desk.ask('search', order)).records[0]!.record.trace);
    }
    const ofTrace = { 'trace, 10 digits': (dice: Dice) => ({ trace: dice.pick(traces).slice(0, 10) }) };
    for (const [name, make] of Object.entries({ ...queries, ...ofTrace })) {
      const dice = makeDice(name);
      const times: number[] = [];
      let found = 0;
      let inexact = 0;
      for (let round = 0; round < rounds; round++) {
        const from = performance.now();
        const { total } = await desk.ask('search', { query: make(dice), limit: 50, count: true });
        times.push(performance.now() - from);
        found += total?.count ?? 0;
        if (total?.exact === false) inexact += 1;
      }
      all.push(...times);
      const measured = `p50 ${ms(percentile(times, 0.5))}, p95 ${ms(percentile(times, 0.95))}`;
      const beside = `${whole(found / rounds)} found each${inexact > 0 ? `; ${inexact} of ${rounds} "more than"` : ''}`;
      results.push({ what: `search of ${size}, page of 50 and count: ${name}`, measured, beside });
      run.tell(`${name}: ${measured}; ${beside}`);
    }
    delay.disable();
    results.push({
      what: `all ${all.length} searches of ${size}`,
      measured: `p50 ${ms(percentile(all, 0.5))}, p95 ${ms(percentile(all, 0.95))}, p99 ${ms(percentile(all, 0.99))}`,
      beside: `longest delay of the event loop that asks ${ms(delay.max / 1e6)}`,
    });
    for (const by of sums) {
      const from = performance.now();
      const { total, sums: found } = await desk.stats({ query: {}, by, timezone: 'Europe/Berlin' });
      const measured = ms(performance.now() - from);
      results.push({
        what: `sums of ${whole(total)} records by ${by}`,
        measured,
        beside: `${whole(found.size)} values`,
      });
      run.tell(`by ${by}: ${measured}`);
    }
    return results;
  },
};

const ms = (n: number): string => `${n.toFixed(1)} ms`;

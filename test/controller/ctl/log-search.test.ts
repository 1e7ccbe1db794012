/** `posternctl log search`, `tail`, `show`, `stats` against a whole controller. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import t from 'tap';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { isReading } from '../../../controller/log/search/terms.ts';
import { startController } from '../../../controller/wiring.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { appendMade, recordFrom } from '../support/made-log.ts';
import { type RunController, runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.test(
  'search: any filters together, counted, in pages that stay where they are, the newest or the oldest first',
  async (t) => {
    const controller = await runController(t);
    const ctl = shellOf(controller);
    await appendMade(controller.store.db, 0, 200);
    const found = await ctl(['log', 'search', '--verdict', 'deny', '--text', 'pay*', '--limit', '3']);
    t.equal(found.code, 0, found.err);
    t.match(found.err, /^\d+ found\nThere is more: --cursor n\d+/);
    t.equal(found.out.trim().split('\n').length, 3);
    const one = JSON.parse((await ctl(['log', 'search', '--actor', 'ben', '--limit', '2', '--json'])).out);
    t.match(one, { records: [{ actor: 'ben' }, { actor: 'ben' }], total: { exact: true }, next: String });
    await appendMade(controller.store.db, 200, 210);
    const ids: string[] = [];
    for (let cursor: string | undefined = one.next; cursor !== undefined; ) {
      const page = JSON.parse(
        (await ctl(['log', 'search', '--actor', 'ben', '--limit', '2', '--json', '--cursor', cursor])).out,
      );
      t.equal(page.total, undefined, 'counted once');
      ids.push(...page.records.map(({ id }: { id: string }) => id));
      cursor = page.next;
    }
    t.equal(ids.length + 2, one.total.count);
    t.equal(new Set(ids).size, ids.length);
    const oldest = JSON.parse((await ctl(['log', 'search', '--actor', 'ben', '--oldest', '--json'])).out);
    t.ok(oldest.records[0].id < oldest.records[1].id);

    const readings = JSON.parse(
      (await ctl(['log', 'search', '--kind', 'log', '--event', 'records-read', '--actor', 'shell', '--json'])).out,
    );
    t.equal(readings.total.count, 2, 'a search is one reading, whatever its pages and their order');
  },
);

t.test(
  'a search that finds nothing says which of its names nobody has, and the nearest that somebody has',
  async (t) => {
    const controller = await runController(t);
    const ctl = shellOf(controller);
    const ben = ['person', 'add', 'ben.miller', '--name', 'Ben', '--reason', 'test'];
    t.equal((await ctl(ben)).code, 0);
    await appendMade(controller.store.db, 0, 40);
    const search = (...args: string[]) => ctl(['log', 'search', ...args]);
    t.match(await search('--person', 'ben.miler'), {
      code: 0,
      out: '',
      err: 'there is no person "ben.miler", did you mean ben.miller?\nNothing was found.\n',
    });
    t.equal(
      (await search('--person', 'ben.miller', '--method', 'PATCH')).err,
      'Nothing was found.\n',
      'somebody of whom nothing is recorded',
    );
    t.match((await search('--person', 'ben')).err, /^\d+ found\n/, 'nobody any more, of whom something is recorded');
    const many = await search('--app', 'a-b,c-d', '--gateway', 'no-gw', '--device', 'dev_none00000');
    for (const name of ['app "a-b"', 'app "c-d"', 'gateway "no-gw"', 'device "dev_none00000"'])
      t.match(many.err, `there is no ${name}\n`);
    const { unknown } = JSON.parse((await search('--person', 'ben.miler', '--json')).out);
    t.same(unknown, [{ filter: 'person', value: 'ben.miler', nearest: 'ben.miller' }]);
  },
);

t.test('what is wrong with a filter is said with what would be right', async (t) => {
  const ctl = shellOf(await runController(t));
  for (const [filter, value, words] of [
    ['kind', 'acces', /did you mean access\?; one of access, /],
    ['verdict', 'maybe', /one of allow, deny, none/],
    ['reason', 'no-permits', /did you mean no-permit\?/],
    ['trace', '12g', /first 8 to 32 digits/],
    ['address', '10.0.0.0/33', /write 10\.1\.2\.3, 10\.1\.0\.0\/16 or 2001:db8::\/32/],
    ['status', '4x', /write 403, 40x or 4xx/],
    ['path', 'reports', /must begin with \//],
    ['text', '"open', /close its "/],
    ['text', '...', /there is no word in it/],
    ['person', 'a,,b', /person is empty/],
    ['cursor', 'x1', /take it from "next"/],
    ['since', 'soon', /is no time: 15m, 2h/],
  ] as const) {
    const { code, err, out } = await ctl(['log', 'search', `--${filter}`, value]);
    t.ok(code === 1 || code === 2, `${filter} ${value}: ${code}`);
    t.match(err, words);
    t.equal(out, '');
  }
  t.match((await ctl(['log', 'search', '--since', '1h', '--until', '2h'])).err, /--since must be before --until/);
  t.match((await ctl(['log', 'stats', '--csv'])).err, /say --by FIELD/);
  t.match((await ctl(['log', 'stats', '--by', 'colour'])).err, /--by is one of: hour, day/);
});

t.test('show: by a trace, its beginning or a record, with the sign-in and the grant before it, in words', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const { db } = controller.store;
  const at = Date.now();
  const session = 'ses_0000000001';
  const trace = 'beefcafe'.repeat(4);
  const who = { person: 'emil', device: 'dev_00000001' };
  await appendRecord(db, at, { kind: 'sign-in', event: 'signed-in', ...who, session, verdict: 'allow' });
  const grant = { kind: 'grant', ...who, session, app: 'payroll', grant: 'gr_00000001', verdict: 'allow' } as const;
  await appendRecord(db, at + 10, { ...grant, reasons: ['policy-permit'], policies: ['payroll-staff'], epoch: 1 });
  const access = {
    kind: 'access',
    trace,
    verdict: 'allow',
    reasons: ['grant-valid'],
    ...who,
    session,
    app: 'payroll',
    gateway: 'gw-1',
    grant: 'gr_00000001',
  } as const;
  const request = { method: 'GET', host: 'payroll.test', path: '/export' };
  const records = [
    { seq: 1, record: { ...access, id: 'rec_opening1', time: at + 20, phase: 'opening', request } as const },
    {
      seq: 2,
      record: {
        ...access,
        id: 'rec_closing1',
        time: at + 30,
        phase: 'closing',
        opening: 'rec_opening1',
        status: 200,
      } as const,
    },
  ];
  await takeRecords(db, at, { gateway: 'gw-1', spool: 'spl_00000001', records: records as never });
  await appendRecord(db, at, { kind: 'grant', trace: 'beefcaff'.repeat(4), verdict: 'deny', reasons: ['no-permit'] });

  for (const wanted of [trace, 'beefcafe', 'BEEFCAFEBEEF', 'rec_closing1']) {
    const { code, out, err } = await ctl(['log', 'show', wanted, '--json']);
    t.equal(code, 0, err);
    const story = JSON.parse(out);
    t.strictSame(
      story.records.map(({ record, own }: { record: { kind: string; phase: string }; own: boolean }) => [
        record.kind,
        record.phase,
        own,
      ]),
      [
        ['sign-in', 'single', false],
        ['grant', 'single', false],
        ['access', 'opening', true],
        ['access', 'closing', true],
      ],
      wanted,
    );
  }
  const { out } = await ctl(['log', 'show', 'beefcafe']);
  t.match(out, /policy-permit: A policy permits it and none forbids it\./);
  t.match(out, /policy payroll-staff/);
  t.match(out, /GET payroll\.test\/export/);
  t.match(await ctl(['log', 'show', 'deadbeef']), { code: 1, err: /No record has a trace that begins with deadbeef/ });
  t.match(await ctl(['log', 'show', 'rec_nowhere']), { code: 1, err: /There is no such record\. Give its id/ });
  t.match(await ctl(['log', 'search', '--trace', 'beefca']), { code: 1, err: /8 to 32 digits/ });
});

t.test('stats: sums with shares, the size of the log, as JSON and as CSV that no table program runs', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await appendMade(controller.store.db, 0, 120);
  await appendRecord(controller.store.db, Date.now(), { kind: 'admin', event: 'applied', actor: '=cmd("x")' });
  const { rows, total, log } = JSON.parse((await ctl(['log', 'stats', '--by', 'verdict', '--json'])).out);
  t.equal(
    rows.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    total,
  );
  t.ok(rows.every(({ share, count }: { share: number; count: number }) => Math.abs(share - count / total) < 1e-9));
  t.match(log, { records: total, databaseBytes: Number, oldest: 1_000_000, unindexed: total });
  t.match(
    (await ctl(['log', 'stats', '--by', 'actor', '--kind', 'admin', '--csv'])).out,
    /^actor,records,share\n[\s\S]*"'=cmd\(""x""\)",1,/,
  );
  const few = await ctl(['log', 'stats', '--by', 'person', '--top', '1']);
  t.match(few.out, /PERSON +RECORDS +SHARE\n[\s\S]*more with \d+ records \(--top\)[\s\S]*The log: /);
  t.match((await ctl(['log', 'stats', '--by', 'day', '--person', 'ada', '--json'])).out, /"value":"1970-01-01"/);
});

t.test('tail --follow: nothing missed and nothing twice while the controller goes and comes back', async (t) => {
  const controller = await runController(t);
  const { db } = controller.store;
  await appendMade(db, 0, 30);
  const ctl = shellOf(controller);
  t.equal((await ctl(['log', 'tail', '--lines', '4'])).out.trim().split('\n').length, 4, 'without --follow it ends');
  const { seen, until } = follow(t, controller);
  const wanted = Array.from({ length: 64 }, (_, at) => recordFrom(at + 27))
    .filter((record) => !isReading(record))
    .map(({ id }) => id);
  const before = (id: number) => wanted.filter((one) => one < `rec_${String(id).padStart(12, '0')}`).length;
  await until(before(30));
  await appendMade(db, 30, 60);
  await until(before(60));
  await controller.stop();
  await appendMade(db, 60, 90);
  const again = await startController(controller.config, { clock: controller.clock, log: silentLog, env: {} });
  t.teardown(() => again.stop());
  await until(before(90));
  await appendMade(db, 90, 91);
  await until(before(91));
  t.strictSame(seen, wanted);
});

/** In a process of its own, as it never ends. Ids that it has printed. */
function follow(t: Tap, controller: RunController) {
  const program = new URL('../../../controller/ctl/main.ts', import.meta.url).pathname;
  const args = ['log', 'tail', '-f', '-n', '2', '--json', '--socket', controller.addresses.adminSocket];
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const seen: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const { id } = JSON.parse(line);
    if (id.startsWith('rec_0')) seen.push(id);
  });
  const until = async (count: number) => {
    const timeout = AbortSignal.timeout(60_000);
    while (seen.length < count) await once(lines, 'line', { signal: timeout });
  };
  return { seen, until };
}
type Tap = Parameters<typeof runController>[0];

/** `posternctl report`: of a day after which policy, groups and apps have changed, against a whole controller. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { groupsThen, worldThen } from '../../../controller/reports/world-then.ts';
import { day, hour, second } from '../../../shared/base/clock.ts';
import type { Report } from '../../../shared/contracts/admin-reports.ts';
import { enrolAgent, joinGateway } from '../support/fake-peers.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.setTimeout(240 * second);

const app = (id: string) =>
  ({
    id,
    name: id,
    kind: 'http',
    site: 'main',
    hosts: [`${id}.test`] as string[],
    upstream: 'http://127.0.0.1:1',
  }) as const;
const staff = '@id("staff") permit(principal in Group::"staff", action, resource);\n';
const nobody = '@id("closed") permit(principal in Group::"staff", action, resource == App::"hr");\n';

t.test('reports of a past day, after policy, groups, people and apps have changed', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const { clock } = controller;
  const shell = controller.as({ reason: 'test' });
  await shell.putGroup({ params: { id: 'staff' }, body: {} });
  for (const id of ['emma', 'fred', 'gina'])
    await shell.putPerson({ params: { id }, body: { name: id, groups: id === 'gina' ? [] : ['staff'] } });
  for (const id of ['wiki', 'hr']) await shell.putApp({ params: { id }, body: app(id) });
  await shell.publishPolicy({ body: { files: [{ id: 'all', text: staff }], message: 'first' } });
  await joinGateway(t, controller, 'gw-main');
  const emma = await enrolAgent(t, controller, 'emma');
  await enrolAgent(t, controller, 'fred');
  await emma.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });
  const opening = { kind: 'access', phase: 'opening', verdict: 'allow', reasons: ['grant-valid'] } as const;
  const access = {
    ...opening,
    id: 'rec_opening1',
    time: clock.now(),
    trace: 'a'.repeat(32),
    person: 'emma',
    app: 'wiki',
    gateway: 'gw-main',
  };
  const refused = {
    ...access,
    id: 'rec_refused1',
    phase: 'single',
    verdict: 'deny',
    reasons: ['grant-expired'],
    count: 3,
  };
  const records = [access, refused].map((record, at) => ({ seq: at + 1, record }));
  await takeRecords(controller.store.db, clock.now(), {
    gateway: 'gw-main',
    spool: 'spl_00000001',
    records: records as never,
  });
  clock.advance(hour);
  const then = new Date(clock.now()).toISOString();
  clock.advance(hour);

  // What comes after must not show: members by a group, by a person, by a description of all; an app that goes, one that comes.
  await shell.putGroup({ params: { id: 'staff' }, body: { members: ['gina'] } });
  await shell.publishPolicy({ body: { files: [{ id: 'all', text: nobody }], message: 'second' } });
  const { bundle } = { bundle: await shell.export() };
  const groups = [{ id: 'staff', name: 'Staff', members: ['gina', 'fred'], parents: [] }];
  await shell.apply({ body: { bundle: { ...bundle, groups }, dryRun: false } as never });
  await shell.removeApp({ params: { id: 'wiki' } });
  await shell.putApp({ params: { id: 'new' }, body: app('new') });
  await shell.setPersonState({ params: { id: 'emma' }, body: { state: 'suspended' } });

  const report = async (...args: string[]): Promise<Report> => {
    const { code, out, err } = await ctl(['report', ...args, '--json']);
    t.equal(code, 0, err);
    return JSON.parse(out);
  };
  const short = ({ rows }: Report) => rows.map(({ person, app, verdict }) => `${person} ${app} ${verdict}`).sort();
  const before = await report('access', '--at', then);
  t.equal(before.epoch, 1);
  t.strictSame(
    short(before),
    ['emma hr can', 'emma wiki can', 'fred hr undetermined', 'fred wiki undetermined'],
    'fred had asked for nothing: of his device no facts are on record; gina was in no group and has no device',
  );
  t.match(
    before.rows.find(({ person }) => person === 'emma'),
    { policies: 'staff', groups: 'staff' },
  );
  const today = await report('access');
  t.equal(today.epoch, 2);
  t.notOk(today.rows.some(({ person, app }) => person === 'emma' || app === 'wiki'));

  t.match((await report('used', '--at', then)).rows, [{ person: 'emma', app: 'wiki', count: 1 }]);
  const unused = await report('unused', '--at', then);
  t.match(
    unused.rows.filter(({ verdict }) => verdict === 'unused'),
    [
      {
        person: 'emma',
        app: 'hr',
        change: /^@id\("unused-emma-hr"\) forbid\(principal == Person::"emma", action, resource == App::"hr"\);$/,
      },
    ],
  );
  const { warnings } = await shell.publishPolicy({
    body: {
      files: [{ id: 'all', text: `${staff}${unused.rows.find(({ verdict }) => verdict === 'unused')!['change']}\n` }],
      message: 'with the change',
    },
  });
  t.ok(warnings, 'the change is a policy that can be published');
  const denied = (await report('denied', '--at', then)).rows;
  t.match(
    denied.find(({ app }) => app === 'wiki'),
    { person: 'emma', reason: 'grant-expired', count: 3 },
  );
  const changes = (await report('changes')).rows;
  const group = changes.find(({ event }) => event === 'group-changed')!;
  t.strictSame(JSON.parse(String(group['before'])).members, ['emma', 'fred']);
  t.strictSame(JSON.parse(String(group['after'])).members, ['gina']);
  t.ok(changes.some(({ event, details }) => event === 'applied' && String(details).includes('"things"')));
  t.ok((await report('dormant', '--at', then)).rows.some(({ id, what }) => id === 'gina' && what === 'person'));
  t.notOk((await report('dormant', '--at', then)).rows.some(({ id }) => id === 'emma'));
  await report('posture');

  const sample = await report('changes', '--sample', '4', '--seed', 'q4');
  t.match(sample.sample, { rows: 4, of: changes.length + 0, seed: 'q4' });
  t.strictSame(
    (await report('changes', '--sample', '4', '--seed', 'q4')).rows,
    sample.rows,
    'the same seed, the same rows',
  );
  t.notSame((await report('changes', '--sample', '4', '--seed', 'q5')).rows, sample.rows);
  const text = await ctl(['report', 'access', '--at', then]);
  t.match(text.out, /Policy version in force: 1\.\nRows: 4, of which undetermined: 2\.[\s\S]*PERSON +APP +VERDICT/);
  const asText = (await ctl(['report', 'changes'])).out;
  t.match(asText, /group-changed[^\n]*\{"members":\["emma","fred"\]\} +\{"members":\["gina"\]\}/, 'what differs alone');
  t.ok(asText.split('\n').every((line) => line.length < 500));
  const file = join(controller.dir, 'out.csv');
  t.equal((await ctl(['report', 'used', '--at', then, '--format', 'csv', '--out', file])).code, 0);
  t.match(readFileSync(file, 'utf8'), /^person,app,count,first,last\r\n"emma","wiki",1,"20/);
  t.match(await ctl(['report', 'used', '--out', file]), { code: 1, err: /is there already/ });
  t.match(await ctl(['report', 'secrets']), { code: 2, err: /the report is one of: access/ });
  t.match(await ctl(['report', 'used', '--sample', '3']), { code: 2, err: /go together/ });
  t.match(await ctl(['report', 'used', '--at', new Date(clock.now() + day).toISOString()]), {
    code: 1,
    err: /of the past/,
  });

  const audrey = controller.as({ token: await controller.signIn('audrey', 'auditor') });
  for await (const _ of await audrey.makeReport({ body: { report: 'used' } }));
  const { records: readings } = await audrey.records({ query: { event: 'report-made' } });
  t.match(
    readings[0],
    { actor: 'audrey', details: { search: { report: 'used' } } },
    'P34: a report is a reading on record',
  );

  clock.advance(hour);
  const beforeTheyWent = clock.now();
  clock.advance(hour);
  await shell.setPersonState({ params: { id: 'gina' }, body: { state: 'gone' } });
  const world = await worldThen(controller.store.db, beforeTheyWent);
  t.strictSame(groupsThen(world, 'gina'), ['staff'], 'whoever is gone was in the groups that they left');
  t.match(world.people.get('gina'), { state: 'active' });
});

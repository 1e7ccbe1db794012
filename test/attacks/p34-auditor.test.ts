/**
 * P34: an auditor reads all and changes nothing, by every operation of the admin API and every verb of `posternctl`; and nobody, whatever their role,
 * edits the log or stops it without a record.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { sql } from 'kysely';
import t from 'tap';
import { runCli } from '#shared/base/cli.ts';
import { day, second } from '#shared/base/clock.ts';
import { adminContract } from '#shared/contracts/admin-to-controller.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { posternctl } from '../../controller/ctl/commands.ts';
import { writeToken } from '../../controller/ctl/token-file.ts';
import type { Store } from '../../controller/store/open-store.ts';
import { office, signInAs, staff } from '../controller/support/review-office.ts';
import {
  type AuditedWorld,
  changing,
  ofCaller,
  ofReviews,
  ownersOnly,
  readings,
  touchesLog,
} from '../support/admin-places.ts';
import { changingVerbs, otherVerbs, readingVerbs } from '../support/ctl-places.ts';
import { root } from '../support/source-tree.ts';
import { storedRecords } from '../support/stored-records.ts';

t.setTimeout(240 * second);

t.test('every operation and every verb has its place', async (t) => {
  const places = [...Object.keys(readings), ...ofReviews, ...ofCaller, ...changing, ...ownersOnly];
  t.strictSame(places.toSorted(), Object.keys(adminContract).toSorted(), 'test/support/admin-places.ts');
  const verbs = [...Object.keys(readingVerbs), ...Object.keys(changingVerbs), ...otherVerbs];
  t.strictSame(verbs.toSorted(), Object.keys(posternctl.commands).toSorted(), 'test/support/ctl-places.ts');
});

/** What the log itself, and the clockwork beside it, write in. */
const ofLog = ['records', 'log_leaves', 'log_state', 'records_changed', 'log_streams', 'gateways', 'devices'];

async function dump({ db }: Store): Promise<Record<string, unknown>> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`.execute(db);
  const tables = rows.map(({ name }) => name).filter((name) => !ofLog.includes(name) && !name.startsWith('sqlite_'));
  const found: Record<string, unknown> = {};
  for (const name of tables) found[name] = (await sql`SELECT * FROM ${sql.table(name)}`.execute(db)).rows;
  return found;
}

const leavesOf = async ({ db }: Store) =>
  (await db.selectFrom('records').select(['id', 'leaf']).orderBy('position').execute()).map((row) => ({ ...row }));

async function audited(t: Parameters<typeof office>[0]) {
  const { controller, shell, emma, ctl } = await office(t);
  const out = join(controller.dir, 'out');
  const [policies, described, key] = [join(out, 'policies'), join(out, 'described'), join(out, 'key')];
  for (const dir of [policies, described]) mkdirSync(dir, { recursive: true });
  writeFileSync(join(policies, 'all.cedar'), staff);
  const more = '{ id: more, name: More, members: [], parents: [] }';
  writeFileSync(join(described, 'organisation.yaml'), `groups:\n  - ${more}\n`);
  writeFileSync(key, (await ctl(['log', 'key'])).out);
  const store = join(root, 'test/vectors/authzen/certification');
  const lines = [
    `authzen store put shop ${store}`,
    'log stream add files file',
    'api-client add shop --scope authzen:shop',
  ];
  for (const line of lines) t.match(await ctl([...line.split(' '), '--reason', 'test']), { code: 0 }, line);
  await shell.startReview({ body: { name: 'first', due: controller.clock.now() + day } });
  const adam = controller.as({ token: await controller.signIn('adam', 'admin') });
  const files = [{ id: 'all', text: `${staff}// draft\n` }];
  const { draft } = await adam.draftPolicy({ body: { files, message: 'draft' } });
  await emma.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });
  const granted = (await storedRecords(controller.store.db)).find(({ kind }) => kind === 'grant')!;
  const { change } = await shell.revoke({ body: { kind: 'device', id: emma.device } });
  const world: AuditedWorld = {
    ...{ policies, store, key, out, device: emma.device, draft: draft.id, change: String(change) },
    ...{ trace: granted.trace, record: granted.id, facts: granted.facts! },
  };
  const token = await signInAs(controller, 'audrey', 'auditor');
  return { controller, shell, world, token };
}

t.test(
  'P34 an auditor is answered by every reading operation and refused by every other, and nothing has changed',
  async (t) => {
    const { controller, world, token } = await audited(t);
    const audrey = controller.as({ token, reason: 'looking' });
    const before = await dump(controller.store);
    const operations = audrey as unknown as Record<string, (input: object) => Promise<unknown>>;
    for (const [name, input] of Object.entries(readings)) {
      const answer = await operations[name]!(input(world)).catch((error: unknown) => error);
      if (answer instanceof Readable) for await (const _ of answer);
      t.notOk(answer instanceof Error, `${name}: ${answer instanceof Error ? answer.message : ''}`);
    }
    t.strictSame(await dump(controller.store), before, 'after all readings');

    const dispatcher = makeUnixDispatcher(controller.addresses.adminSocket);
    t.teardown(() => dispatcher.destroy());
    for (const name of [...changing, ...ownersOnly]) {
      const route: RouteShape = adminContract[name as keyof typeof adminContract];
      const hasBody = route.body !== undefined;
      const answer = await dispatcher.request({
        origin: 'http://controller',
        method: route.method,
        path: route.path.replace(/:\w+/g, 'emma'),
        headers: {
          authorization: `Postern-Admin ${token}`,
          ...(hasBody ? { 'content-type': 'application/json' } : {}),
        },
        body: hasBody ? '{}' : null,
      });
      t.match(await answer.body.json(), { code: 'role-needed' }, name);
    }
    t.strictSame(await dump(controller.store), before, 'after all that was refused');
    const refused = (await storedRecords(controller.store.db)).filter(
      ({ actor, event }) => actor === 'audrey' && event === 'refused',
    );
    t.equal(refused.length, changing.length + ownersOnly.length, 'each try is on record');
  },
);

t.test('P34 the same by every verb of posternctl', async (t) => {
  const { controller, world, token } = await audited(t);
  const socket = controller.addresses.adminSocket;
  const home = process.env['XDG_CONFIG_HOME'];
  process.env['XDG_CONFIG_HOME'] = join(world.out, 'home');
  t.teardown(() => {
    if (home === undefined) delete process.env['XDG_CONFIG_HOME'];
    else process.env['XDG_CONFIG_HOME'] = home;
  });
  writeToken(socket, token);
  const run = async (verb: string, line: string) => {
    const told: string[] = [];
    const io = { out: () => {}, err: (text: string) => void told.push(text) };
    const words = line.split(' ').filter((word) => word !== '');
    const code = await runCli(posternctl, [...verb.split(' '), ...words, '--socket', socket], io);
    return { code, err: told.join('\n') };
  };
  const before = await dump(controller.store);
  for (const [verb, line] of Object.entries(readingVerbs)) {
    const { code, err } = await run(verb, line(world));
    t.equal(code, verb === 'status' ? code : 0, `${verb}: ${err}`);
    t.notMatch(err, /Your role/, verb);
  }
  t.strictSame(await dump(controller.store), before, 'after all readings');
  for (const [verb, line] of Object.entries(changingVerbs))
    t.match(await run(verb, line(world)), { code: 1, err: /Your role does not allow this/ }, verb);
  t.strictSame(await dump(controller.store), before, 'after all that was refused');
});

t.test(
  'P34 nobody edits the log, and whatever pauses it, takes from it or sends it elsewhere is on record',
  async (t) => {
    const about = Object.entries(adminContract as Readonly<Record<string, RouteShape>>).filter(
      ([name, { path }]) => /\/(log|log-streams|records|erase)\b/.test(path) && readings[name] === undefined,
    );
    t.strictSame(
      about.map(([name]) => name).toSorted(),
      Object.keys(touchesLog).toSorted(),
      'each such operation has its event',
    );
    t.strictSame(
      about.filter(([, { access }]) => access === 'reader').map(([name]) => name),
      [],
      'and is no reading',
    );
    const { controller, shell, world } = await audited(t);
    const { clock, store } = controller;
    const name = 'files';
    const before = await leavesOf(store);
    const steps: readonly [string, () => Promise<unknown>][] = [
      ['pauseLogStream', () => shell.pauseLogStream({ params: { name } })],
      ['resumeLogStream', () => shell.resumeLogStream({ params: { name } })],
      ['testLogStream', () => shell.testLogStream({ params: { name } })],
      ['removeLogStream', () => shell.removeLogStream({ params: { name } })],
      ['addLogStream', () => shell.addLogStream({ body: { name: 'other', kind: 'file' } })],
      ['addLogAnchor', () => shell.addLogAnchor({ body: { name: 'safe', kind: 'file' } })],
      ['tryLogAnchor', () => shell.tryLogAnchor({ params: { name: 'safe' } })],
      ['removeLogAnchor', () => shell.removeLogAnchor({ params: { name: 'safe' } })],
      ['addHold', () => shell.addHold({ body: { name: 'case', person: 'fred' } })],
      ['releaseHold', () => shell.releaseHold({ params: { name: 'case' } })],
      ['setRetention', () => shell.setRetention({ params: { kind: 'access' }, body: { age: 400 * day } })],
    ];
    const events = async () => (await storedRecords(store.db)).map(({ event, actor }) => `${event} by ${actor}`);
    for (const [step, run] of steps) {
      const known = (await events()).length;
      await run();
      t.ok((await events()).slice(known).includes(`${touchesLog[step]} by shell`), step);
    }
    await shell.setPersonState({ params: { id: 'emma' }, body: { state: 'gone' } });
    clock.advance(3 * 3600 * second);
    await shell.erasePerson({ params: { id: 'emma' } });
    t.ok((await events()).includes('erasure-begun by shell'));
    const { checkpoint } = await shell.logHead();
    for (const run of [shell.resumeLog({ body: { checkpoint: checkpoint! } }), shell.openNewLog({ body: {} })])
      await t.rejects(run, { code: 'conflict' }, 'a log that is whole is not begun anew');
    const after = await leavesOf(store);
    t.strictSame(after.slice(0, before.length), before, 'nothing of what was written is another one now');
    clock.advance(3 * day);
    const old = { body: { before: clock.now() - 2 * day } };
    // A clock that leaps has prunings wait for a day.
    await shell.pruneRecords(old).catch(() => undefined);
    clock.advance(day);
    await shell.pruneRecords(old);
    const told = await storedRecords(store.db);
    t.match(
      told.find(({ event }) => event === 'pruned'),
      { kind: 'log', actor: 'shell' },
    );
    t.ok(world.record);
  },
);

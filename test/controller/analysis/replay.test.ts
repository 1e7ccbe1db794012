import t from 'tap';
import { replay } from '../../../controller/analysis/replay.ts';
import type { PolicySet } from '../../../controller/policy/policy-set.ts';
import { PolicyDesk } from '../../support/policy-desk.ts';
import { compile } from '../../support/policy-facts.ts';
import { GatewaySpool } from '../../support/recorded-accesses.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';

const run = (desk: PolicyDesk, draft?: PolicySet, over: object = {}) =>
  replay(desk.db, { from: 0, to: desk.now, limit: 100, ...over }, draft);

async function openDesk(policy = staff) {
  const desk = await PolicyDesk.open();
  await desk.publish(policy);
  return { desk, spool: new GatewaySpool(desk) };
}

t.test('grants and accesses that a draft would turn, both ways, by person, app and policy', async (t) => {
  const { desk, spool } = await openDesk();
  const wiki = await desk.grant();
  await spool.deliver(spool.access(wiki.claims), spool.access(wiki.claims));
  await desk.grant({ app: 'ssh', act: 'connect' });
  await desk.publish(`${staff} @id("no-ssh") forbid(principal, action == Action::"connect", resource);`);
  await t.rejects(desk.grant({ app: 'ssh', act: 'connect' }), { code: 'not-allowed' });
  const draft = compile(`@id("ssh") permit(principal, action, resource == App::"ssh");
    @id("closed") forbid(principal, action, resource == App::"wiki");`);
  const found = await run(desk, draft);
  t.match(found, { draft: true, verdicts: 5, same: 1, allowToDeny: 3, denyToAllow: 1, undetermined: 0, ungrouped: 0 });
  t.match(found.groups, [
    {
      direction: 'allow-to-deny',
      person: 'alice',
      app: 'wiki',
      policies: ['closed'],
      reason: 'policy-forbid',
      count: 3,
    },
    { direction: 'deny-to-allow', person: 'alice', app: 'ssh', policies: ['ssh'], reason: 'policy-permit', count: 1 },
  ]);
  t.match(
    found.flips.find(({ kind }) => kind === 'access'),
    {
      request: 'GET /a',
      recorded: { reason: 'grant-valid' },
      now: { policies: ['closed'] },
      epoch: 1,
    },
  );
  t.match(await run(desk, draft, { limit: 1 }), { flips: { length: 1 }, moreFlips: 3, allowToDeny: 3 });
  t.match(await run(desk, draft, { app: 'ssh' }), { verdicts: 2, allowToDeny: 0, denyToAllow: 1 });
  t.match(await run(desk, draft, { person: 'bob' }), { verdicts: 0 });
  t.match(await run(desk, draft, { from: desk.now + 1, to: desk.now + 2 }), { verdicts: 0 });
  await desk.store.stop();
});

t.test('each verdict by its own version: the log says what was decided', async (t) => {
  const { desk, spool } = await openDesk(`@id("day") permit(principal, action, resource) when {
    context.session.secondFactorAge < 900 && context.time.minuteOfDay >= 600 };`);
  const wiki = await desk.grant();
  await spool.deliver(spool.access(wiki.claims));
  desk.now += 400_000;
  await t.rejects(desk.grant(), { code: 'step-up-required' });
  await desk.publish(staff);
  await desk.grant();
  await desk.publish('');
  await t.rejects(desk.grant(), { code: 'not-allowed' });
  t.match(await run(desk), { draft: false, verdicts: 5, same: 5, flips: [], undetermined: 0 });
  await desk.db.updateTable('policy_versions').set({ files: '[]' }).where('epoch', '=', 1).execute();
  const broken = await run(desk);
  t.match(broken, { verdicts: 5, same: 3, allowToDeny: 2 }, 'a version that was rewritten does not give them');
  t.match(broken.groups, [
    { policies: ['day'], reason: 'no-permit', count: 1 },
    { policies: [], count: 1 },
  ]);
  await desk.store.stop();
});

t.test('P10 what ends within a second was not granted, and is not by a replay', async (t) => {
  const policy = 'permit(principal, action, resource) when { context.session.secondFactorAge <= 630 };';
  const { desk } = await openDesk(policy);
  desk.now += 29_500;
  await desk.grant();
  desk.now += 1000;
  await t.rejects(desk.grant(), { code: 'step-up-required' });
  t.match(await run(desk), { verdicts: 2, same: 2 });
  t.match(await run(desk, compile(policy)), { verdicts: 2, same: 2 });
  t.match(await run(desk, compile(policy.replace('630', '631'))), { same: 1, denyToAllow: 1 });
  t.match(await run(desk, compile(policy.replace('630', '628'))), { same: 1, allowToDeny: 1 });
  await desk.store.stop();
});

t.test('equal questions are judged once, and all are counted', async (t) => {
  const { desk, spool } = await openDesk();
  const wiki = await desk.grant();
  for (let n = 0; n < 20; n += 1) {
    desk.now += 100;
    await spool.deliver(spool.access(wiki.claims), spool.access(wiki.claims, { time: desk.now - 50 }));
  }
  const found = await run(desk, compile('forbid(principal, action, resource);'));
  t.match(found, { verdicts: 41, allowToDeny: 41, questions: 2 });
  const aging = compile('permit(principal, action, resource) when { context.session.secondFactorAge <= 600 };');
  t.match(await run(desk, aging), { verdicts: 41, same: 20, allowToDeny: 21 }, 'a second later it is another question');
  await desk.store.stop();
});

t.test('P32 what was not recorded is undetermined, by its reason, and never guessed', async (t) => {
  const { desk, spool } = await openDesk();
  const wiki = await desk.grant();
  const long = `/${'a'.repeat(2000)}`.slice(0, 1024);
  await spool.deliver(
    spool.access(wiki.claims),
    spool.access(wiki.claims, { request: { method: 'GET', host: 'wiki.test', path: long } }),
    spool.access(wiki.claims, { from: undefined as never }),
    spool.access({ ...wiki.claims, jti: 'gr_neverrecorded' }),
    spool.access(wiki.claims, {
      phase: 'single',
      verdict: 'deny',
      reasons: ['rules-refused'],
      count: 5,
    }),
  );
  const reasons = async (text: string) =>
    Object.fromEntries((await run(desk, compile(text))).undeterminedBy.map(({ reason, count }) => [reason, count]));
  const forbidWhen = (condition: string) => `${staff}
    forbid(principal, action == Action::"request", resource) when { ${condition} };`;
  const always = { app: 1, merged: 4, 'not-reproduced': 1 };
  t.same(await reasons(staff), always, 'a gateway refused by rules what the policies of then allow');
  t.match(await reasons(forbidWhen('context.request.query like "*debug*"')), { query: 4, app: 1, merged: 4 });
  t.match(await reasons(forbidWhen('context.request.path like "*/b"')), { ...always, path: 1 });
  t.match(await reasons(forbidWhen('context.network.address.isInRange(ip("10.0.0.0/8"))')), { network: 1, app: 1 });
  const certain = await run(
    desk,
    compile(forbidWhen('context.request.method == "GET" || context.request.query == ""')),
  );
  t.match(certain, { allowToDeny: 3 }, 'what is known decides, whatever the query was');

  await desk.db.deleteFrom('fact_snapshots').execute();
  t.match(await reasons(staff), { facts: 5, app: 1 }, 'without the snapshot nobody knows the groups');
  t.match(await run(desk, compile('')), { verdicts: 10, allowToDeny: 4, undetermined: 5 }, 'but no policy, no access');
  await desk.store.stop();
});

t.test('an app that is gone is judged as it was', async (t) => {
  const { desk } = await openDesk('permit(principal, action, resource in AppGroup::"internal");');
  await desk.grant();
  await desk.db.deleteFrom('apps').where('id', '=', 'wiki').execute();
  t.match(await run(desk), { verdicts: 1, same: 1 });
  t.match(await run(desk, compile('permit(principal, action, resource in AppGroup::"other");')), { allowToDeny: 1 });
  await desk.store.stop();
});

t.test('what policies had no part in is no verdict of theirs', async (t) => {
  const { desk, spool } = await openDesk();
  const { claims } = await desk.grant();
  await t.rejects(desk.grant({ app: 'none' }));
  desk.gateways = [];
  await t.rejects(desk.grant());
  const opening = spool.access(claims);
  await spool.deliver(
    opening,
    spool.access(claims, { phase: 'closing', opening: opening.id }),
    spool.access(claims, { phase: 'single', verdict: 'deny', reasons: ['grant-expired'] }),
  );
  t.match(await run(desk, compile('permit(principal, action, resource);')), { verdicts: 2, same: 2, otherRecords: 3 });
  await desk.store.stop();
});

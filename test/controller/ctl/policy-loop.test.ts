/** The publishing loop by the real command, against a real controller: what is wrong is stopped before it is in force. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runController } from '../support/run-controller.ts';
import { ctlOf, shellOf } from '../support/run-ctl.ts';

const sample = join(import.meta.dirname, '../../../deploy/quickstart/organisation');

t.test(
  'P6, P8 a typo, an unknown attribute, a test that fails, a lock-out: each stopped with its place and reason',
  async (t) => {
    const controller = await runController(t);
    const ctl = ctlOf(t, controller);
    await ctl(['apply', '-f', sample]);
    const dir = t.testdir();
    const publish = async (files: Record<string, string>, ...more: string[]) => {
      for (const name of readdirSync(dir)) rmSync(join(dir, name));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
      return ctl(['policy', 'publish', dir, '-m', 'a change', '--yes', ...more]);
    };
    const staff = '@id("staff")\npermit (principal in Group::"staff", action, resource);\n';

    const typo = await publish({ 'a.cedar': '@id("staff")\npermt (principal, action, resource);\n' });
    t.match(typo, { code: 1, err: /error: a\.cedar:2:1: invalid policy effect: permt[\s\S]*\n {4}\^{5}\n/ });
    const attribute = await publish({ 'a.cedar': staff.replace(';', '\nwhen { context.device.diskEncryptd };') });
    t.match(attribute, {
      code: 1,
      err: /error: a\.cedar:3:8: \(staff\) attribute `device\.diskEncryptd` in context not found; did you mean `diskEncrypted`\?\n {4}when \{ context\.device\.diskEncryptd \};\n {11}\^{27}\n/,
    });
    const group = await publish({ 'a.cedar': staff.replace('staff"', 'stuff"').replace('"staff"', '"stafff"') });
    t.match(group, { code: 1, err: /error: a\.cedar:2:22: .*There is no group "stafff"\. Did you mean "staff"\?/ });
    const tests = 'tests:\n  - name: nobody else\n    groups: [staff]\n    app: wiki\n    expect: deny\n';
    const failing = await publish({ 'a.cedar': staff, 'a.tests.yaml': tests });
    t.match(failing, {
      code: 1,
      err: /failed: a\.tests\.yaml:5:13: nobody else\n[\s\S]*expected deny, got allow\n[\s\S]*permit "staff" \(a\.cedar:1\) holds[\s\S]*1 of 1 test fail/,
    });
    const misread = await publish({ 'a.cedar': staff, 'a.tests.yaml': tests.replace('groups', 'grops') });
    t.match(misread, {
      code: 1,
      err: /error: a\.tests\.yaml:3:5: "grops" is not known here\. Did you mean "groups"\?/,
    });

    // An owner with a device of their own, who can use apps now.
    const at = controller.clock.now();
    await controller.store.db.insertInto('group_members').values({ group_id: 'staff', person_id: 'olga' }).execute();
    await controller.store.db
      .insertInto('devices')
      .values({
        ...{
          id: 'dev_ofolga00',
          person_id: 'olga',
          name: 'laptop',
          os: 'linux',
          model: null,
          serial: null,
          state: 'active',
        },
        ...{ ownership: 'company', approval: 'none', first_factors: 0, public_jwk: '{}', jkt: 'x', fingerprint: 'x' },
        ...{ certificate_serial: '1', certificate_ends_at: at + 3_600_000, posture_seq: 0, enrolled_at: at },
        ...{ approved_at: at, last_seen_at: at },
      })
      .execute();
    const forbid = '@id("nobody")\nforbid (principal, action, resource)\nwhen { !context.device.secureBoot };\n';
    const lockOut = await publish({ 'a.cedar': `${staff}${forbid}` });
    t.match(lockOut, {
      code: 1,
      err: /owner olga would lose wiki: "nobody" forbids it[\s\S]*No owner and no administrator could use anything/,
    });
    const history = await ctl(['policy', 'history', '--json']);
    t.match(JSON.parse(history.out), [{ epoch: 1, inForce: true }], 'nothing of all this was published');

    const token = await controller.signIn('adam', 'admin');
    const body = { files: [{ id: 'a', text: `${staff}${forbid}` }], message: 'x', evenIfItLocksOut: true };
    await t.rejects(controller.as({ token }).publishPolicy({ body }), { code: 'role-needed' }, 'only at the shell');
    const anyway = await publish({ 'a.cedar': `${staff}${forbid}` }, '--even-if-it-locks-out', '--reason', 'a drill');
    t.match(anyway, { code: 0, out: /Version 2 is in force/, err: /warning: .*owner olga would lose wiki/ });
    const records = await ctl(['log', 'search', '--kind', 'policy', '--json']);
    t.match(records.out, /"lockedOut":\["owner olga would lose/);
  },
);

t.test(
  'pull, edit, diff, publish: somebody else in between is a conflict, and edits are never written over',
  async (t) => {
    const controller = await runController(t);
    const ctl = shellOf(controller);
    await ctl(['apply', '-f', sample]);
    const home = t.testdir();
    const [mine, theirs] = [join(home, 'mine'), join(home, 'theirs')];
    t.match(await ctl(['policy', 'pull', mine]), {
      code: 0,
      out: /wrote payroll\.tests\.yaml[\s\S]*is version 1: 6 files written/,
    });
    t.match(await ctl(['policy', 'pull', mine]), { code: 0, out: /0 files written/ });
    await ctl(['policy', 'pull', theirs]);
    t.match(await ctl(['policy', 'diff', mine]), { code: 0, out: /are the same/ });

    const wiki = '@id("wiki-only")\nforbid (principal in Group::"engineers", action, resource == App::"payroll");\n';
    writeFileSync(join(theirs, 'wiki.cedar'), wiki);
    const published = await ctl(['policy', 'publish', theirs, '-m', 'theirs']);
    t.match(published, {
      code: 0,
      out: /Version 2 is in force/,
      err: /\+ added forbid "wiki-only" \(wiki\.cedar\) for in Group::"engineers"/,
    });
    t.match(JSON.parse(readFileSync(join(theirs, '.postern-policy.json'), 'utf8')), { epoch: 2 });

    const echo = readFileSync(join(mine, 'echo.cedar'), 'utf8');
    writeFileSync(join(mine, 'echo.cedar'), echo.replace('engineers-echo', 'engineers-line'));
    t.match(await ctl(['policy', 'publish', mine, '-m', 'mine']), {
      code: 1,
      err: /Version 2 is in force by now, not 1: .*policy diff 1 2/,
    });
    t.match(await ctl(['policy', 'diff', '1', '2']), {
      code: 0,
      out: /\+\+\+ b\/wiki\.cedar\n@@ -0,0 \+1,2 @@\n\+@id\("wiki-only"\)/,
    });
    t.match(await ctl(['policy', 'diff', '--summary', '--exit-code']), {
      code: 1,
      out: /^version 1 -> version 2\n\+ added/,
    });
    t.match(await ctl(['policy', 'diff', mine, '--json']), {
      code: 0,
      out: /"how":"renamed","policy":"engineers-line"/,
    });

    const taken = await ctl(['policy', 'pull', mine]);
    t.match(taken, { code: 0, out: /wrote wiki\.cedar/, err: /echo\.cedar was edited here and is kept/ });
    t.match(await ctl(['policy', 'publish', mine, '-m', 'mine']), { code: 0, out: /Version 3 is in force/ });
    writeFileSync(join(theirs, 'echo.cedar'), '// theirs\n');
    const clash = await ctl(['policy', 'pull', theirs]);
    t.match(clash, { code: 1, err: /edited in .* and changed in version 3 too: echo\.cedar; nothing was written/ });
    t.equal(readFileSync(join(theirs, 'echo.cedar'), 'utf8'), '// theirs\n');
  },
);

t.test('pull leaves edits and new files alone unless told', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await ctl(['apply', '-f', sample]);
  const home = t.testdir({ only: {} });
  const dir = join(home, 'policies');
  await ctl(['policy', 'pull', dir]);
  writeFileSync(join(dir, 'echo.cedar'), '// mine\n');
  writeFileSync(join(dir, 'new.cedar'), '// new\n');
  t.match(await ctl(['policy', 'pull', dir]), { code: 0, err: /echo\.cedar was edited here and is kept/ });
  t.equal(readFileSync(join(dir, 'echo.cedar'), 'utf8'), '// mine\n');
  t.match(await ctl(['policy', 'pull', dir, '--force']), { code: 0, err: /new\.cedar is not in this version/ });
  t.ok(existsSync(join(dir, 'new.cedar')));

  const only = join(home, 'only');
  writeFileSync(join(only, 'echo.cedar'), readFileSync(join(dir, 'echo.cedar'), 'utf8'));
  await ctl(['policy', 'publish', only, '-m', 'less']);
  t.match(await ctl(['policy', 'pull', dir]), { code: 0, err: /payroll\.cedar is not in this version/ });
  t.ok(existsSync(join(dir, 'payroll.cedar')));
  rmSync(dir, { recursive: true });
  await ctl(['policy', 'pull', dir, '--epoch', '1']);
  writeFileSync(join(dir, 'new.cedar'), '// new\n');
  t.match(await ctl(['policy', 'pull', dir, '--prune']), { code: 0, out: /removed payroll\.cedar/ });
  t.same(readdirSync(dir).sort(), ['.postern-policy.json', 'echo.cedar', 'new.cedar']);
});

t.test('fmt, validate and test without a controller; exit codes for a build server', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await ctl(['apply', '-f', sample]);
  const home = t.testdir();
  const dir = join(home, 'policies');
  await ctl(['policy', 'pull', dir]);
  await controller.stop();
  t.match(await ctl(['policy', 'test', dir]), { code: 3 });
  t.match(await ctl(['policy', 'test', dir, '--offline']), { code: 0, out: /11 tests: 11 passed, 0 failed/ });
  t.match(await ctl(['policy', 'test', dir, '--offline', '--only', 'payslips']), { code: 0, out: /1 test: 1 passed/ });
  t.match(await ctl(['policy', 'test', dir, '--offline', '--only', 'nothing of the kind']), { code: 2 });
  t.match(await ctl(['policy', 'fmt', dir, '--check']), { code: 0 }, 'the samples are formatted');

  const payroll = readFileSync(join(dir, 'payroll.cedar'), 'utf8');
  writeFileSync(join(dir, 'payroll.cedar'), payroll.replace('<= 900', '<= 90000'));
  const junit = join(home, 'junit.xml');
  const failed = await ctl(['policy', 'test', dir, '--offline', '--junit', junit]);
  t.match(failed, { code: 1, err: /an hour later the second factor is wanted again/, out: /10 passed, 1 failed/ });
  t.match(readFileSync(junit, 'utf8'), /tests="11" failures="1"[\s\S]*<failure message="expected deny, got allow">/);
  t.match(await ctl(['policy', 'validate', dir, '--offline']), { code: 1, out: /not valid, 10 of 11 tests passed/ });

  writeFileSync(join(dir, 'payroll.cedar'), `// kept\n${payroll.replace('permit (', 'permit(  ')}`);
  t.match(await ctl(['policy', 'fmt', dir, '--check']), { code: 1, out: /^payroll\.cedar$/m });
  t.match(await ctl(['policy', 'fmt', dir]), { code: 0 });
  t.equal(readFileSync(join(dir, 'payroll.cedar'), 'utf8'), `// kept\n${payroll}`);
  t.match(await ctl(['policy', 'validate', dir, '--offline', '--json']), { code: 0, out: /"valid":true/ });
  t.match(
    await ctl(['policy', 'validate', join(sample, 'policies'), '--offline', '--strict']),
    { code: 0 },
    'by the description around it',
  );
});

t.test('a second administrator: a draft waits, its author cannot approve it, another one can', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await ctl(['apply', '-f', sample]);
  const token = await controller.signIn('adam', 'admin');
  const other = await controller.signIn('agnes', 'admin');
  const [adam, agnes] = [controller.as({ token }), controller.as({ token: other })];
  await t.rejects(adam.setPublishing({ body: { approvals: 1 } }), { code: 'role-needed' });
  t.match(await ctl(['policy', 'approvals', '1', '--reason', 'four eyes']), { code: 0, out: /needs a second/ });
  const { files, tests } = await adam.policy({ query: {} });
  const text = '@id("late")\nforbid (principal, action, resource == App::"echo");\n';
  const body = {
    files: [...files, { id: 'late', text }],
    tests: tests.filter(({ id }) => id !== 'echo'),
    message: 'no echo',
  };
  await t.rejects(adam.publishPolicy({ body }), { code: 'approval-needed' });
  await t.rejects(adam.rollbackPolicy({ body: { epoch: 1 } }), { code: 'approval-needed' });
  const bundle = { policies: body.files, policyTests: body.tests };
  await t.rejects(adam.apply({ body: { bundle, dryRun: false } }), { code: 'approval-needed' });
  const { draft } = await adam.draftPolicy({ body });
  t.match(await ctl(['policy', 'drafts']), { code: 0, out: new RegExp(`${draft.id} +waiting +adam`) });
  t.match(await ctl(['policy', 'drafts', draft.id]), { code: 0, out: /\+ added forbid "late"/ });
  await t.rejects(adam.approveDraft({ params: { id: draft.id } }), { code: 'conflict' }, 'the author');
  t.match(await agnes.approveDraft({ params: { id: draft.id } }), { epoch: 2 });
  await t.rejects(agnes.approveDraft({ params: { id: draft.id } }), { code: 'conflict' }, 'once');
  t.match(await ctl(['policy', 'history', '--json']), { out: /"epoch":2,"by":"adam","message":"no echo"/ });

  const again = await adam.draftPolicy({ body: { ...body, message: 'again' } });
  t.match(await ctl(['policy', 'rollback', '1', '--reason', 'the shell may']), { code: 0, out: /Version 3/ });
  await t.rejects(agnes.approveDraft({ params: { id: again.draft.id } }), { code: 'conflict' }, 'another base by now');
  t.match(await ctl(['policy', 'reject', again.draft.id, '--reason', 'stale']), { code: 0 });
  const late = await adam.draftPolicy({ body: { ...body, message: 'late' } });
  controller.clock.advance(7 * 86_400_000);
  await controller.store.db
    .updateTable('admin_sessions')
    .set({ ends_at: controller.clock.now() + 1000 })
    .execute();
  await t.rejects(agnes.approveDraft({ params: { id: late.draft.id } }), { code: 'conflict' }, 'expired');
  const records = await ctl(['log', 'search', '--kind', 'policy', '--json']);
  for (const event of ['publishing-set', 'drafted', 'approval-refused', 'approved', 'rejected'])
    t.match(records.out, new RegExp(`"event":"${event}"`), event);
});

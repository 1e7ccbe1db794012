/** The real command against a real controller. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { decodeInvitation } from '../../../shared/wire/invitation.ts';
import { runController } from '../support/run-controller.ts';
import { ctlOf } from '../support/run-ctl.ts';

const root = join(import.meta.dirname, '../../..');
const sample = join(root, 'deploy/quickstart/organisation');

t.test('from an empty controller to a running organisation', async (t) => {
  const controller = await runController(t);
  const ctl = ctlOf(t, controller);
  t.match(await ctl(['apply', '-f', sample, '--dry-run']), { code: 0, out: /\+ app wiki[\s\S]*would change/ });
  t.match(await ctl(['apply', '-f', sample]), { code: 0, out: /policy version 1 is in force/ });
  t.match(await ctl(['apply', '-f', sample]), { code: 0, out: /^Nothing to change/ });
  t.match(await ctl(['person', 'add', 'emma', '--name', 'Emma E.', '--group', 'staff']), { code: 0, out: /Emma E\./ });
  t.match(await ctl(['person', 'add', 'emma']), { code: 1, err: /already/ });
  t.match(await ctl(['person', 'set', 'ema', '--risk', '1']), { code: 1, err: /no such person/ });
  t.match(await ctl(['person', 'list']), { code: 0, out: /^ID +NAME[\s\S]*emma +Emma E\. +employee +active +staff/ });

  const invited = await ctl(['invite', 'emma']);
  t.equal(invited.out.trim().split('\n').length, 1, 'the invitation stands alone on standard output');
  t.match(decodeInvitation(invited.out), { r: 'device', u: controller.addresses.bootstrap });
  const gateway = await ctl(['gateway', 'invite', 'gw-main', '--address', '127.0.0.1:8444', '--json']);
  t.match(decodeInvitation(JSON.parse(gateway.out).invitation), { r: 'gateway' });
  t.match(await ctl(['gateway', 'list']), { code: 0, out: /gw-main +main +127\.0\.0\.1:8444 +invited +away/ });
  t.match(await ctl(['invitation', 'list']), { code: 0, out: /device +emma +open/ });

  t.match(await ctl(['status']), { code: 1, out: /! Gateway gw-main was invited and has not joined yet\./ });
  t.match(await ctl(['contain', 'person', 'emma', '--because', 'stolen']), { code: 0, out: /^Contained person emma/ });
  t.match(await ctl(['person', 'show', 'emma', '--json']), { code: 0, out: /"state":"suspended"/ });
  t.match(await ctl(['lift', 'person', 'emma', '--because', 'found']), { code: 0 });
  t.match(await ctl(['contain', 'person', 'emma']), { code: 1, err: /say why, it is recorded: --reason/ });
  t.match(await ctl(['contain', 'person', 'emma', '--reason', 'stolen']), { code: 0, out: /^Contained person emma/ });
  t.match(await ctl(['lift', 'person', 'emma', '--reason', 'found']), { code: 0 });
  t.match(await ctl(['policy', 'what-if', 'ema', 'wiki']), { code: 2, err: /There is no such person/ });
  t.match(await ctl(['policy', 'what-if', 'emma', 'wiki']), { code: 2, err: /This person has no device in service/ });
  t.match(await ctl(['policy', 'rollback', '99', '--reason', 'x']), { code: 1, err: /There is no policy version 99/ });
  t.match(await ctl(['policy', 'publish', join(sample, 'policies')]), { code: 2, err: /say what changed/ });
  t.match(await ctl(['log', 'search', '--app', 'nowhere']), { code: 0, out: '', err: /Nothing was found/ });
  const [, shown = ''] =
    /^\S+ \S+ {2}([0-9a-f]{8}) /.exec((await ctl(['log', 'search', '--kind', 'revocation'])).out) ?? [];
  t.match(
    await ctl(['log', 'show', shown]),
    { code: 0, out: new RegExp(`trace +${shown}[0-9a-f]{24}`) },
    'as it is shown',
  );
  t.match(await ctl(['revoke', 'everything']), { code: 0, out: /0 grants taken back/ });
  t.match(await ctl(['revoke', 'person', 'nobody']), { code: 1, err: /no such person/ });
  t.match(await ctl(['log', 'search', '--kind', 'revocation']), {
    code: 0,
    out: /contained by shell because "stolen"/,
  });

  const to = join(t.testdir(), 'exported');
  t.match(await ctl(['export', '--to', to]), { code: 0 });
  t.match(readFileSync(join(to, 'policies/payroll.cedar'), 'utf8'), '@id("payroll-own")');
  t.match(await ctl(['apply', '-f', to]), { code: 0, out: /^Nothing to change/ });
  t.match(await ctl(['export', '--to', to]), { code: 1, err: /not empty/ });
});

t.test('exit codes and complaints', async (t) => {
  const controller = await runController(t);
  const ctl = ctlOf(t, controller);
  t.match(await ctl(['no-such']), { code: 2 });
  t.match(await ctl(['person', 'show']), { code: 2, err: /<id> is missing/ });
  t.match(await ctl(['person', 'add', 'Zo e', '--reason', 'new']), {
    code: 1,
    err: /\/id is a name of 1 to 63 lower-case letters/,
  });
  t.match(await ctl(['policy', 'show']), { code: 1, err: /No policy is in force/ });
  t.match(await ctl(['status', '--socket', '/nowhere/admin.sock']), { code: 3, err: /is the controller running/ });

  const dir = t.testdir({
    'a.yaml': 'apps:\n  - { id: X, kind: http, hosts: [], oddity: 1 }\nfoo: 1\n',
    'b.yaml': 'sites: [',
  });
  const refused = await ctl(['apply', '-f', dir]);
  t.equal(refused.code, 1);
  for (const complaint of [/foo is not known here/, /apps\.X\.oddity is not known/, /b\.yaml: /])
    t.match(refused.err, complaint);

  const bad = join(dir, 'bad');
  mkdirSync(bad);
  writeFileSync(join(bad, 'p.cedar'), 'permit (principal, action, resource)\nwhen { context.nothing };\n');
  t.match(await ctl(['policy', 'validate', bad]), { code: 1, out: 'not valid\n', err: /error: p\.cedar:/ });
  t.match(await ctl(['policy', 'publish', bad, '-m', 'x']), { code: 1, err: /error: p\.cedar:/ });
});

t.test('policies: publish, what-if and rollback', async (t) => {
  const controller = await runController(t);
  const ctl = ctlOf(t, controller);
  await ctl(['apply', '-f', sample]);
  const dir = t.testdir({ 'all.cedar': 'permit (principal, action, resource);' });
  t.match(await ctl(['policy', 'validate', dir]), { code: 0, out: 'valid\n' });
  t.match(await ctl(['policy', 'publish', dir, '-m', 'open', '--expected-epoch', '7']), {
    code: 1,
    err: /Version 1 is in force/,
  });
  t.match(await ctl(['policy', 'publish', dir, '-m', 'open']), { code: 0, out: /^Version 2 is in force/ });
  t.match(await ctl(['policy', 'rollback', '1']), { code: 0, out: /^Version 3, the same as 1/ });
  t.match(await ctl(['policy', 'history']), { code: 0, out: /3 +yes +7[\s\S]*2 +no +1/ });
  t.match(await ctl(['policy', 'what-if', 'olga', 'wiki']), { code: 2, err: /no device in service/ });
});

t.test('under one own name: login from a pipe, the role, logout; the shell needs a reason', async (t) => {
  const controller = await runController(t);
  const ctl = ctlOf(t, controller);
  const shell = controller.as({ reason: 'test' });
  await shell.putPerson({ params: { id: 'audrey' }, body: { role: 'auditor' } });
  const { password, code } = await controller.giveFactors('audrey');
  t.match(await ctl(['login', 'audrey'], `${password}\n000000\n`), { code: 1, err: /not right/ });
  const login = await ctl(['login', 'audrey'], `${password}\n${code()}\n`);
  t.match(login, { code: 0, out: /You are audrey, auditor/ });
  t.match(await ctl(['whoami', '--json']), { out: /"actor":"audrey"/ });
  t.match(await ctl(['person', 'set', 'olga', '--name', 'X']), { code: 1, err: /role does not allow/ });
  t.match(await ctl(['whoami', '--json', '--shell']), { out: /"actor":"shell"/ });
  t.match(await ctl(['logout']), { code: 0 });
  t.match(await ctl(['whoami', '--json']), { out: /"actor":"shell"/ });

  await controller.signIn('oscar', 'owner');
  t.match(await ctl(['group', 'set', 'g']), { code: 1, err: /--reason/ });
  t.match(await ctl(['group', 'set', 'g', '--reason', 'für später']), { code: 0 });
  t.match(await ctl(['log', 'search', '--kind', 'admin', '--limit', '1']), { out: /because "für später"/ });
});

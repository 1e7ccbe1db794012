/** `posternctl policy explain` and `what-if` as processes, over a denial that a device met at a real controller. */
import t from 'tap';
import type { PosternError } from '../../../shared/base/errors.ts';
import { enrolAgent } from '../support/fake-peers.ts';
import { runController } from '../support/run-controller.ts';
import { ctlOf } from '../support/run-ctl.ts';

t.test('an employee is denied; admin and auditor read why, by the trace that the employee saw', async (t) => {
  const controller = await runController(t);
  const ctl = ctlOf(t, controller);
  const dir = t.testdir({
    'payroll.cedar': `@id("export") @reason("Finance exports at work hours") @tell("Exports need a device with a firewall.")
permit (principal in Group::"finance", action == Action::"request", resource == App::"payroll")
when { context.device.firewallOn && context.session.secondFactorAge <= 900 };`,
  });
  await ctl(['group', 'set', 'finance']);
  await ctl([
    'app',
    'add',
    'payroll',
    '--host',
    'payroll.test',
    '--upstream',
    'http://127.0.0.1:1',
    '--operation',
    'export=POST /reports/*/export',
  ]);
  await ctl(['person', 'add', 'mira', '--group', 'finance']);
  t.match(await ctl(['policy', 'publish', dir, '-m', 'payroll']), { code: 0 });
  const agent = await enrolAgent(t, controller, 'mira');
  const request = { method: 'POST', host: 'payroll.test', path: '/reports/7/export', query: '' };
  const body = { app: 'payroll', act: 'request', request, idleMs: 0, trace: 'c0ffee'.padEnd(32, '0') } as const;
  const refused = await agent.call.grants({ body }).then(
    () => t.fail('must be denied'),
    (error: PosternError) => error,
  );
  t.match(refused, {
    code: 'device-unfit',
    extra: {
      fixes: [
        { kind: 'told', text: 'Exports need a device with a firewall.' },
        { kind: 'posture', fact: 'firewallOn' },
      ],
    },
  });

  const admin = await ctl(['policy', 'explain', 'c0ffee00']);
  t.equal(admin.code, 0, admin.err);
  t.match(
    admin.out,
    /^\S+ \S+ {2}grant {2}deny\n {2}mira on dev_\w+, app payroll, POST payroll\.test\/reports\/7\/export \[export\], from 127\.0\.0\.1\n/,
  );
  t.match(
    admin.out,
    /policy version 1, in force, published by shell at .*: payroll\n {2}facts [0-9a-f]{64}\n {2}decided again from these facts by this version: the same/,
  );
  t.match(admin.out, /policy export \(permit, payroll\.cedar:1\) does not hold: Finance exports at work hours\n/);
  t.match(admin.out, /device\.firewallOn = false, wanted true \(never reported\)/);
  t.match(admin.out, /allowed with\n {4}- device\.firewallOn true: it was never reported\n/);
  const auditor = await ctl(['policy', 'explain', body.trace, '--as', 'auditor']);
  t.match(auditor, { code: 0, out: /device\.firewallOn = false/ });
  t.notMatch(auditor.out, /allowed with/);
  t.match(await ctl(['policy', 'explain', body.trace, '--as', 'auditor', '--changes']), { out: /allowed with/ });
  const employee = await ctl(['policy', 'explain', body.trace, '--as', 'employee']);
  t.match(
    employee.out,
    /This device must be put right first\.\n {2}- Exports need a device with a firewall\.\n {2}- This device has not reported yet/,
  );
  t.notMatch(employee.out, /finance|Finance|900|export\)|version|mira/);
  const json = JSON.parse((await ctl(['policy', 'explain', 'c0ffee00', '--json'])).out);
  t.match(json, {
    trace: body.trace,
    as: 'admin',
    records: [{ again: { agreement: 'same' }, explanation: { changes: { complete: true } } }],
  });
  t.match(await ctl(['log', 'search', '--kind', 'log', '--limit', '1', '--json']), {
    out: /"event":"records-read"[\s\S]*"search":\{"what":"explained","trace":"c0ffee0+","as":"admin"\}/,
  });

  const whatIf = ['policy', 'what-if', 'mira', 'payroll', '--request', 'POST /reports/7/export'];
  const supposed = await ctl(whatIf);
  t.match(supposed, {
    code: 1,
    out: /^deny: no-permit\. No policy permits it\.\npolicy export [\s\S]*mira would read\n {2}- Exports need/,
  });
  t.match(JSON.parse((await ctl([...whatIf, '--json'])).out), {
    fixes: [{}, {}],
    explanation: { policies: [{ name: 'export' }] },
  });

  t.match(await ctl(['policy', 'explain', 'f'.repeat(32)]), { code: 2, err: /No record has this trace/ });
  t.match(await ctl(['policy', 'explain', 'xyz']), { code: 2, err: /8 to 32 hex digits/ });
  t.match(await ctl(['policy', 'explain', 'c0ffee00', '--as', 'nobody']), {
    code: 2,
    err: /--as is one of: employee, admin, auditor/,
  });
  const asAuditor = controller.as({ token: await controller.signIn('audrey', 'auditor') });
  t.match(await asAuditor.explain({ params: { trace: 'c0ffee00' } }), { as: 'auditor', records: [{}] }, 'by the role');
});

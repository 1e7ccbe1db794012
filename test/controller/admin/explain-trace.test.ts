/** Explanations by trace, over a real store: whatever was answered, why, and whether the log agrees with its own facts. */
import t from 'tap';
import { Check } from 'typebox/value';
import { newTrace } from '#shared/base/bytes.ts';
import type { PosternError } from '#shared/base/errors.ts';
import type { ExplainedRecord, ExplainReader } from '#shared/contracts/admin-explain.ts';
import { adminExplain } from '#shared/contracts/admin-explain.ts';
import { explainTrace } from '../../../controller/admin/explain-trace.ts';
import type { GrantAsk } from '../../../controller/grants/issue-grant.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import { PolicyDesk } from '../../support/policy-desk.ts';
import { hourMs } from '../../support/policy-facts.ts';
import { GatewaySpool } from '../../support/recorded-accesses.ts';

const request = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };

/** Asks for a grant, is refused or not, and returns the trace. */
async function ask(desk: PolicyDesk, over: Partial<GrantAsk> = {}): Promise<string> {
  const trace = newTrace();
  await desk.grant({ ...over, trace }).catch((error: PosternError) => error);
  return trace;
}

async function explain(desk: PolicyDesk, trace: string, as: ExplainReader = 'admin', changes = as === 'admin') {
  const answer = await explainTrace(desk.db, desk.decider, { trace, as, changes });
  t.ok(Check(adminExplain.explain.answer, answer), 'within its contract');
  return answer.records;
}

const words = ({ explanation }: ExplainedRecord) => (explanation?.words ?? []).join('\n');
const told = ({ told: one }: ExplainedRecord) => [one?.title, ...(one?.fixes ?? []).map(({ text }) => text)].join('\n');

async function three(desk: PolicyDesk, trace: string) {
  const [[admin], [auditor], [employee]] = [
    await explain(desk, trace),
    await explain(desk, trace, 'auditor'),
    await explain(desk, trace, 'employee'),
  ] as const;
  return { admin: admin!, auditor: auditor!, employee: employee! };
}

t.test('each kind of denial, by its trace', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.db.insertInto('groups').values({ id: 'finance', name: 'Finance', created_at: 0 }).execute();
  const denied = async (
    what: string,
    policy: string,
    change: RegExp,
    employee: RegExp,
    over: Partial<GrantAsk> = {},
  ) => {
    await desk.publish(policy);
    const { admin, auditor, employee: own } = await three(desk, await ask(desk, over));
    t.match(
      admin,
      {
        verdict: 'deny',
        again: { agreement: 'same', missing: [] },
        version: { by: 'owner', message: 'a test', inForce: true },
      },
      what,
    );
    t.match(words(admin), change, `${what}: what would help`);
    t.equal(auditor.explanation?.changes, undefined, `${what}: an auditor reads no guesses`);
    t.equal(auditor.facts, admin.facts, `${what}: by the address of the snapshot`);
    t.match(told(own), employee, `${what}: the employee`);
    t.same(
      Object.keys(own).filter((name) =>
        ['explanation', 'version', 'facts', 'policies', 'person', 'again'].includes(name),
      ),
      [],
    );
  };
  await denied(
    'factor',
    'permit(principal, action, resource) when { context.session.secondFactorAge < 60 };',
    /wanted < 60 s[\s\S]*confirm the second factor/,
    /Confirm your second factor again: the last time was 10 min ago/,
  );
  await denied(
    'group',
    'permit(principal in Group::"finance", action, resource);',
    /alice in group finance/,
    /^You may not use this\.\nAsk your administrator\.$/,
  );
  await denied(
    'time',
    'permit(principal, action, resource) when { context.time.weekday == 6 };',
    /Saturday 00:00 \(UTC\)/,
    /It opens Saturday 00:00 \(UTC\)/,
  );
  await denied(
    'request',
    'permit(principal, action == Action::"request", resource) when { context.request.operation == "export" };',
    /another request: operation export \(POST \/reports\/\*\/export\)/,
    /This part of the app/,
    { request },
  );
  await denied(
    'error',
    '@id("broken") forbid(principal, action, resource) when { (context.risk.level + 2) * 9007199254740991 * 9007199254740991 > 0 };',
    /policy broken \(forbid, test\.cedar:1\) could not be evaluated/,
    /Ask your administrator/,
  );
  await desk.store.stop();
});

t.test('no policy in force, nobody signed in, an app that is not there: told by their reason', async (t) => {
  const desk = await PolicyDesk.open();
  const before = await three(desk, await ask(desk));
  t.match(before.admin, { reasons: [{ reason: 'policy-unavailable' }], again: { agreement: 'same' } });
  await desk.publish('permit(principal, action, resource == App::"wiki");');
  const nobody = await three(desk, await ask(desk, { session: undefined }));
  t.match(nobody.admin, {
    reasons: [{ reason: 'session-required', text: /signed-in session/ }],
    again: { agreement: 'same' },
  });
  t.match(told(nobody.employee), /^Sign in to go on/);
  const missing = await three(desk, await ask(desk, { app: 'nothing' }));
  t.match(missing.admin, {
    reasons: [{ reason: 'app-unknown', text: 'There is no such app.' }],
    again: { agreement: 'none' },
  });
  const other = await three(desk, await ask(desk, { app: 'ssh', act: 'connect' }));
  t.match(other.admin, { reasons: [{ reason: 'no-permit' }] });
  const { trace: _, time: __, app: ___, ...asMissing } = missing.employee;
  const { trace: _t, time: __t, app: ___a, ...asOther } = other.employee;
  t.same(asMissing, asOther, 'P12 one answer for none and not yours');
  const wrongAct = await three(desk, await ask(desk, { app: 'ssh' }));
  t.match(wrongAct.admin, { reasons: [{ reason: 'action-mismatch' }], again: { agreement: 'none' } });
  t.same(wrongAct.employee.told, missing.employee.told, 'P12 nor what kind of app there is');
  await desk.store.stop();
});

t.test('an allow, the access under it, and what a gateway refuses', async (t) => {
  const desk = await PolicyDesk.open();
  await takeReport(desk.postureParts, { text: desk.report({ firewallOn: true }), peer: desk.peer, trace: newTrace() });
  await desk.publish(
    '@id("on") @reason("Only behind a firewall") permit(principal, action, resource) when { context.device.firewallOn };',
  );
  const trace = newTrace();
  const { claims } = await desk.grant({ trace });
  const spool = new GatewaySpool(desk);
  const opening = spool.access(claims, { trace });
  const refusals = [
    spool.access(claims, { phase: 'single', verdict: 'deny', reasons: ['grant-revoked'] }),
    spool.access(claims, { phase: 'single', verdict: 'deny', reasons: ['cross-site'] }),
  ] as const;
  const closing = { ...opening, id: 'rec_closing0', phase: 'closing' as const, opening: opening.id, status: 200 };
  await spool.deliver(opening, closing, ...refusals);
  const records = await explain(desk, trace);
  t.match(
    records.map(({ kind, phase, verdict, again }) => [kind, phase, verdict, again?.agreement]),
    [
      ['grant', 'single', 'allow', 'same'],
      ['access', 'opening', 'allow', 'same'],
      ['access', 'closing', 'allow', 'none'],
    ],
  );
  t.match(
    words(records[0]!),
    /policy on \(permit, test\.cedar:1\) holds: Only behind a firewall[\s\S]*firewallOn = true, as wanted: true \(self/,
  );
  t.equal(records[1]!.facts, records[0]!.facts, 'an access leads to the facts of its grant');
  const [revoked, crossed] = [await three(desk, refusals[0].trace), await three(desk, refusals[1].trace)];
  t.match(revoked.admin, {
    reasons: [{ reason: 'grant-revoked', text: 'The grant has been taken back.' }],
    again: { agreement: 'none' },
  });
  t.match(told(revoked.employee), /^The grant has been taken back\./);
  t.match(crossed.admin, { reasons: [{ reason: 'cross-site' }], again: { agreement: 'none' } });
  await desk.store.stop();
});

t.test(
  'P10 what only the network decides is left open by the grant, and explained by the refusal of the gateway',
  async (t) => {
    const desk = await PolicyDesk.open();
    await desk.publish(
      'permit(principal, action, resource) when { context.network.address.isInRange(ip("192.168.0.0/16")) };',
    );
    const trace = newTrace();
    const { claims } = await desk.grant({ trace });
    const spool = new GatewaySpool(desk);
    await spool.deliver(spool.access(claims, { trace, phase: 'single', verdict: 'deny', reasons: ['rules-refused'] }));
    const [grant, access] = await explain(desk, trace);
    t.match(grant, {
      verdict: 'allow',
      again: { agreement: 'same' },
      explanation: { policies: [{ outcome: 'open' }] },
    });
    t.match(access, { verdict: 'deny', again: { agreement: 'same' } });
    t.match(words(access!), /wanted in 192\.168\.0\.0\/16[\s\S]*from 192\.168\.0\.0\/16 instead of 10\.1\.2\.3/);
    const [, own] = await explain(desk, trace, 'employee');
    t.match(
      told(own!),
      /^The grant does not allow this request\.\nIt is not open from where you are now \(10\.1\.2\.3\)/,
    );
    t.notMatch(told(own!), '192.168');
    await desk.store.stop();
  },
);

t.test('by the version of its time, whatever was published since', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('@id("first") forbid(principal, action, resource);');
  const trace = await ask(desk);
  await desk.publish('permit(principal, action, resource);');
  const [record] = await explain(desk, trace);
  t.match(record, { again: { agreement: 'same' }, version: { epoch: 1, inForce: false }, policies: ['first'] });
  t.match(words(record!), /policy first \(forbid/);
  desk.now += 3 * hourMs;
  await desk.db.updateTable('people').set({ risk: 99 }).execute();
  t.same(await explain(desk, trace), [record], 'and by the facts of its time');
  await desk.store.stop();
});

t.test('what was not recorded is undetermined, and a log that was changed disagrees', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(
    '@id("q") permit(principal, action == Action::"request", resource) when { context.request.query == "a=1" };',
  );
  const byQuery = await ask(desk, { request: { ...request, query: 'a=1' } });
  t.match(await explain(desk, byQuery), [
    {
      verdict: 'allow',
      again: { agreement: 'undetermined', missing: [/query of the request/] },
      explanation: undefined,
    },
  ]);

  await desk.publish('permit(principal, action, resource) when { context.device.firewallOn };');
  const trace = await ask(desk);
  const stored = await desk.db.selectFrom('records').selectAll().where('trace', '=', trace).executeTakeFirstOrThrow();
  const changed = JSON.stringify({ ...JSON.parse(stored.leaf), verdict: 'allow', reasons: ['policy-permit'] });
  await desk.db.updateTable('records').set({ leaf: changed }).where('trace', '=', trace).execute();
  t.match(await explain(desk, trace), [{ again: { agreement: 'different', verdict: 'deny', reasons: ['no-permit'] } }]);
  await desk.db.updateTable('records').set({ leaf: stored.leaf }).where('trace', '=', trace).execute();
  t.match(await explain(desk, trace), [{ again: { agreement: 'same' } }]);
  await desk.db.deleteFrom('fact_snapshots').execute();
  t.match(await explain(desk, trace), [{ again: { agreement: 'undetermined', missing: [/facts of the decision/] } }]);
  await desk.db.deleteFrom('policy_versions').where('epoch', '=', 1).execute();
  t.match(await explain(desk, byQuery), [
    { again: { agreement: 'undetermined', missing: [/policy version, which is gone/] } },
  ]);
  await desk.store.stop();
});

t.test('a trace without records, and digits that several begin with', async (t) => {
  const desk = await PolicyDesk.open();
  const order = { as: 'admin', changes: true } as const;
  await t.rejects(explainTrace(desk.db, desk.decider, { ...order, trace: 'f'.repeat(32) }), {
    code: 'not-found',
    tell: /No record has this trace/,
  });
  for (const end of ['0', '1']) await desk.grant({ trace: `${'a'.repeat(31)}${end}` }).catch(() => {});
  await t.rejects(explainTrace(desk.db, desk.decider, { ...order, trace: 'a'.repeat(8) }), {
    code: 'bad-request',
    tell: /2 traces begin like this/,
  });
  t.equal((await explain(desk, `${'a'.repeat(31)}0`)).length, 1);
  await desk.store.stop();
});

/** P18: which requests are granted for one use, what such a grant says, and when it is taken back (P14). */
import t, { type Test } from 'tap';
import type { App } from '#shared/contracts/app.ts';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { redecideGrants } from '../../../controller/grants/redecide.ts';
import { PolicyDesk, wikiApp } from '../../support/policy-desk.ts';

const request = (method: string, path: string): { request: ExactRequest } => ({
  request: { method, host: 'wiki.test', path, query: '' },
});
const exporting = request('POST', '/reports/7/export');
const reading = request('GET', '/page');

const open = async (t: Test, policy: string, app: Partial<App> = {}) => {
  const desk = await PolicyDesk.open();
  t.teardown(() => desk.store.stop());
  await desk.db
    .updateTable('apps')
    .set({ definition: JSON.stringify({ ...wikiApp, ...app }) })
    .where('id', '=', 'wiki')
    .execute();
  await desk.publish(policy);
  desk.gateways = ['gw1', 'gw2', 'gw3'].map((id) => ({ id, site: 'main', address: '127.0.0.1:8444' }));
  return desk;
};

const byPolicy = `
  @id("read") permit(principal, action == Action::"request", resource) when { context.request.method == "GET" };
  @id("export") @authorization("once") permit(principal, action == Action::"request", resource)
  when { context.request.operation == "export" };`;

t.test('P18 by a policy: one request, one gateway, on record and in the store', async (t) => {
  const desk = await open(t, byPolicy);
  const grant = await desk.grant(exporting);
  const [gateway] = grant.gateways;
  t.equal(grant.gateways.length, 1, 'and no other gateway is named');
  t.equal(grant.scope, 'request');
  t.match(grant.claims, { use: 'once', aud: gateway!.id, rules: { exact: exporting.request } });
  t.notOk('once' in grant.claims.rules);
  const [record] = (await desk.records('grant')).slice(-1);
  t.match(record, {
    verdict: 'allow',
    policies: ['export'],
    request: { operation: 'export' },
    details: { use: 'once', gateway: gateway!.id },
  });
  const [row] = await desk.db.selectFrom('grants').selectAll().where('jti', '=', grant.id).execute();
  t.match(row, { use: 'once', gateway_id: gateway!.id, scope: 'request' });

  t.equal((await desk.grant(exporting)).gateways[0]!.id, gateway!.id, 'a device has its own first choice');
  const other = await desk.grant({ ...exporting, avoid: [gateway!.id] });
  t.not(other.gateways[0]!.id, gateway!.id, 'unless it cannot reach that');
  t.equal(other.claims.aud, other.gateways[0]!.id);
  t.equal(
    (await desk.grant({ ...exporting, avoid: ['gw1', 'gw2', 'gw3'] })).gateways.length,
    1,
    'one is better than none',
  );
});

t.test('P18 a grant for many leaves out what is for one use at a time', async (t) => {
  const desk = await open(t, byPolicy);
  const whole = await desk.grant(reading);
  t.equal(whole.gateways.length, 3);
  t.match(whole.claims, { use: 'many', aud: 'main', rules: { permits: [{ p: 0 }], once: [{ p: 1, if: Array }] } });
  t.equal(whole.claims.rules.permits.length, 1);
  t.equal((await desk.grant()).claims.use, 'many', 'asked for without a request');
  await t.rejects(desk.grant(request('POST', '/page')), { code: 'not-allowed' });
});

t.test('P18 where another policy permits it as well, one use wins', async (t) => {
  const all = `@id("all") permit(principal, action == Action::"request", resource);`;
  const desk = await open(t, `${all}\n${byPolicy}`);
  t.equal((await desk.grant(exporting)).claims.use, 'once');
  t.match((await desk.grant(reading)).claims, { use: 'many', rules: { once: [{ if: Array }] } });
});

t.test('P18 a policy for one use that does not look at the request: each request by itself', async (t) => {
  const desk = await open(t, '@authorization("once") permit(principal, action == Action::"request", resource);');
  await t.rejects(desk.grant(), { code: 'request-needed' });
  t.match((await desk.grant(reading)).claims, { use: 'once', rules: { exact: reading.request } });
});

t.test('P18 a TCP app: each connection by itself', async (t) => {
  const desk = await open(t, '@authorization("once") permit(principal, action == Action::"connect", resource);');
  const grant = await desk.grant({ app: 'ssh', act: 'connect' });
  t.match(grant.claims, { use: 'once', aud: grant.gateways[0]!.id, act: 'connect' });
  t.equal(grant.gateways.length, 1);
});

t.test('P18 by the app: its operation, whatever permits it', async (t) => {
  const desk = await open(t, 'permit(principal, action, resource);', { once: ['export'] } as Partial<App>);
  t.match((await desk.grant(exporting)).claims, { use: 'once', rules: { exact: exporting.request } });
  t.equal((await desk.grant(reading)).claims.use, 'many');
});

t.test('P10, P18 for many only until one use at a time is wanted', async (t) => {
  const desk = await open(t, byPolicy);
  const minuteOfDay = Math.floor(desk.now / 60_000) % 1440;
  const text = (minute: number) => `@id("all") permit(principal, action == Action::"request", resource);
     @id("late") @authorization("once") permit(principal, action == Action::"request", resource)
     when { context.time.minuteOfDay >= ${minute} };`;
  await desk.publish(text(minuteOfDay + 1));
  const grant = await desk.grant(reading);
  t.equal(grant.claims.use, 'many');
  const turn = Math.floor(desk.now / 60_000 + 1) * 60;
  t.ok(grant.claims.exp <= turn, `ends by ${turn}: ${grant.claims.exp}`);
});

t.test('P14, P18 what got worse is taken back: what is denied, and what is for one use by now', async (t) => {
  const desk = await open(t, byPolicy);
  const [once, many, whole] = [await desk.grant(exporting), await desk.grant(reading), await desk.grant()];
  const again = () =>
    desk.db
      .transaction()
      .execute((trx) => redecideGrants(desk.decider, trx, desk.now, { app: 'wiki' }, 'facts-changed'));
  t.same((await again()).revoked, [], 'nothing has changed');
  await desk.publish(
    `${byPolicy} permit(principal, action == Action::"request", resource) when { context.request.path == "/more" };`,
  );
  t.same((await again()).revoked, [], 'more is not worse');
  const revoked = async (text: string) => {
    await desk.db.deleteFrom('revocations').execute();
    await desk.publish(text);
    const rows = await desk.db.selectFrom('revocations').select('id').where('kind', '=', 'grant').execute();
    return rows.map(({ id }) => id).sort();
  };
  t.same(await revoked(byPolicy.split('\n').slice(0, 2).join('\n')), [once.id], 'the unused one is denied');
  t.same(
    await revoked(byPolicy.replace('@id("read")', '@id("read") @authorization("once")')),
    [many.id, whole.id].sort(),
    'reading is for one use by now',
  );
});

t.test('P18 a word that is not understood is not published', async (t) => {
  const desk = await open(t, byPolicy);
  for (const [text, why] of [
    ['@authorization("twice") permit(principal, action, resource);', /says "once"/],
    ['@authorization permit(principal, action, resource);', /says "once"/],
    ['@authorization("once") forbid(principal, action, resource);', /belongs to a permit/],
  ] as const)
    await t.rejects(desk.publish(text), { code: 'policy-invalid', extra: { problems: [{ message: why, line: 1 }] } });
});

import t from 'tap';
import { request } from 'undici';
import { startPayroll } from '../../../deploy/quickstart/apps/payroll.ts';
import { gatewayHeaders, startFakeGateway } from './support.ts';

const gateway = await startFakeGateway(t);
const payroll = await startPayroll({ port: 0, host: '127.0.0.1', keySetUrl: gateway.keySetUrl });
t.teardown(() => payroll.stop());
const base = `http://127.0.0.1:${payroll.port}`;
const headers = (claims?: Record<string, unknown>) => gatewayHeaders(gateway, 'payroll', claims);

t.test('without an identity, or with one for another app: 401', async (t) => {
  for (const identity of [{}, { 'postern-identity': gateway.mint('wiki') }]) {
    const answer = await request(`${base}/me/payslips`, { headers: identity });
    t.equal(answer.statusCode, 401);
    t.notMatch(await answer.body.text(), /gross/);
  }
  const posted = await request(`${base}/reports/2026-10/export`, { method: 'POST' });
  t.equal(posted.statusCode, 401);
  await posted.body.dump();
});

t.test('while the key set cannot be read: 503', async (t) => {
  const broken = await startFakeGateway(t);
  broken.breakKeySet();
  const app = await startPayroll({ port: 0, host: '127.0.0.1', keySetUrl: broken.keySetUrl });
  t.teardown(() => app.stop());
  const identity = { 'postern-identity': broken.mint('payroll') };
  const answer = await request(`http://127.0.0.1:${app.port}/me/payslips`, { headers: identity });
  t.equal(answer.statusCode, 503);
  t.notMatch(await answer.body.text(), broken.keySetUrl, 'the address stays in the log');
});

t.test('everybody reads their own payslips', async (t) => {
  const read = async (sub: string) => {
    const answer = await request(`${base}/me/payslips`, { headers: headers({ sub }) });
    t.match(answer.headers['content-type'], /^application\/json/);
    t.equal(answer.headers['cache-control'], 'no-store');
    return (await answer.body.json()) as { person: string; payslips: { gross: number; tax: number; net: number }[] };
  };
  const ada = await read('p-ada');
  const eve = await read('p-eve');
  t.equal(ada.person, 'p-ada');
  t.equal(ada.payslips.length, 3);
  for (const { gross, tax, net } of ada.payslips) t.equal(gross, tax + net);
  t.not(ada.payslips[0]!.gross, eve.payslips[0]!.gross);
  t.strictSame(await read('p-ada'), ada, 'the same figures each time');
});

t.test('the summary and the export tell the same story', async (t) => {
  const answer = await request(`${base}/reports/summary`, { headers: headers() });
  const summary = (await answer.body.json()) as { people: number; months: { month: string; gross: number }[] };
  const exported = await request(`${base}/reports/2026-10/export`, { method: 'POST', headers: headers() });
  t.equal(exported.statusCode, 200);
  t.match(exported.headers['content-type'], /^text\/csv/);
  t.equal(exported.headers['content-disposition'], 'attachment; filename="payroll-2026-10.csv"');
  const [head, ...rows] = (await exported.body.text()).trimEnd().split('\r\n');
  t.equal(head, 'month,employee,name,department,gross,tax,net');
  t.equal(rows.length, summary.people);
  const gross = rows.reduce((sum, row) => sum + Number(row.split(',')[4]), 0);
  t.equal(gross, summary.months.find(({ month }) => month === '2026-10')!.gross);
});

t.test('the export is a plain form that a browser can post and show', async (t) => {
  for (const path of ['/', '/reports/2026-10/export']) {
    const answer = await request(base + path, { headers: headers() });
    const page = await answer.body.text();
    t.match(page, '<form method="post" action="/reports/2026-10/export">', path);
    t.notMatch(page, '<script');
  }
  const shown = await request(`${base}/reports/2026-10/export`, {
    method: 'POST',
    headers: { ...headers(), 'content-type': 'application/x-www-form-urlencoded' },
    body: 'show=page',
  });
  t.match(shown.headers['content-type'], /^text\/plain/);
  t.equal(shown.headers['content-disposition'], undefined);
  t.match(await shown.body.text(), 'Amina Diallo');
});

t.test('what is not a month is not there', async (t) => {
  for (const month of ['2026-13', 'all', '2026-1']) {
    for (const method of ['GET', 'POST'] as const) {
      const answer = await request(`${base}/reports/${month}/export`, { method, headers: headers() });
      t.equal(answer.statusCode, 404, `${method} ${month}`);
      await answer.body.dump();
    }
  }
});

/**
 * Payroll: a JSON API with a small page. It holds no rules about who may do what: that is Postern's policy, which lets
 * staff read their own payslips, and finance use the operation `export` with a fresh second factor.
 */
import type { FastifyRequest } from 'fastify';
import {
  type AppOptions,
  createHttpApp,
  formField,
  identityOf,
  listenHttp,
  type RunningApp,
  refuse,
} from './http-app.ts';
import { html, sendPage } from './page.ts';
import { exportMonth, isMonth, listPayslips, summarize, thisMonth } from './payroll-data.ts';

type MonthRequest = FastifyRequest<{ Params: { month: string } }>;

export async function startPayroll(options: AppOptions): Promise<RunningApp> {
  const app = createHttpApp('payroll', options);
  const { routes } = app;

  routes.get('/', async (request, reply) => sendPage(reply, identityOf(request), 'Payroll', homePage()));

  // "Me" is the verified person: there is no way to ask for anybody else's.
  routes.get('/me/payslips', async (request) => {
    const { id, name } = identityOf(request);
    return { person: id, name, payslips: listPayslips(id) };
  });

  routes.get('/reports/summary', async () => summarize());

  routes.get('/reports/:month/export', async (request: MonthRequest, reply) => {
    const month = readMonth(request);
    return sendPage(reply, identityOf(request), 'Payroll', exportForm(month));
  });

  routes.post('/reports/:month/export', async (request: MonthRequest, reply) => {
    const month = readMonth(request);
    const csv = exportMonth(month);
    if (formField(request, 'show') === 'page') return reply.type('text/plain; charset=utf-8').send(csv);
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', `attachment; filename="payroll-${month}.csv"`)
      .send(csv);
  });

  return listenHttp('payroll', app, options);
}

function readMonth(request: MonthRequest): string {
  if (!isMonth(request.params.month)) throw refuse(404, 'A month looks like 2026-10.');
  return request.params.month;
}

const homePage = () => html`<h1>Payroll</h1>
<ul>
<li><a href="/me/payslips">My payslips</a></li>
<li><a href="/reports/summary">Summary of the company</a></li>
<li><a href="/reports/${thisMonth}/export">Export of ${thisMonth}</a></li>
</ul>
${exportForm(thisMonth)}`;

// A plain form and no script: the browser itself navigates, so a step-up on the way is a page the person can read.
const exportForm = (month: string) => html`<h2>Export ${month}</h2>
<p>The salaries of everybody, so Postern asks finance for a second factor of the last 15 minutes.</p>
<form method="post" action="/reports/${month}/export">
<button id="export">Download as CSV</button>
<button id="show" name="show" value="page">Show here</button>
</form>`;

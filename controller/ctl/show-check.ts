/** `posternctl app check`. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { AppChecked, AroundGateway, CheckStep } from '#shared/contracts/app-check.ts';
import type { AdminClient } from './connect.ts';

export const checkHelp = `Each gateway of the app's site tries name, connection, TLS and answer, as it would for a request.
Exit code: 0 the app can be used (look at the warnings), 1 it cannot, 3 it can, but also around the gateway.`;

const marks: Readonly<Record<CheckStep['result'] | AroundGateway['result'], string>> = {
  ok: 'ok  ',
  warn: 'warn',
  fail: 'FAIL',
  closed: 'ok  ',
  open: 'OPEN',
  'not-tested': '-   ',
};

export async function runCheck(call: CliCall, admin: AdminClient): Promise<number> {
  const checked = await admin.checkApp({ params: { id: call.args[0]! } });
  if (call.json) call.io.out(JSON.stringify(checked));
  else show(call, checked);
  if (!checked.ok) return 1;
  return checked.around.result === 'open' ? 3 : 0;
}

function show({ io }: CliCall, { app, site, gateways, around, notTested }: AppChecked): void {
  if (gateways.length === 0) {
    io.out(`FAIL  No gateway serves site ${site}: posternctl gateway invite ID --site ${site} --address HOST:8444`);
  }
  const line = (mark: string, what: string, told: string, advice?: string) => {
    io.out(`${mark}  ${what.padEnd(8)}  ${safeText(told)}`);
    if (advice !== undefined) io.out(`${' '.repeat(16)}-> ${safeText(advice)}`);
  };
  for (const { gateway, answered, steps } of gateways) {
    io.out(`from gateway ${gateway}`);
    if (!answered)
      line('FAIL', 'gateway', 'it is away or did not answer', `posternctl status; on its host: is it running?`);
    for (const { step, result, told, advice } of steps) line(marks[result], step, told, advice);
  }
  io.out('around the gateway, from this host');
  line(marks[around.result], 'direct', around.told, around.advice);
  io.out('not tested');
  for (const text of notTested) line('-   ', app, text);
}

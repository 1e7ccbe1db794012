/** What somebody touched, for a person who reads it at three in the morning: apps first, then how they came in. */
import type { CliCall } from '#shared/base/cli.ts';
import { type Cell, printTable, safeText } from '#shared/base/print-table.ts';
import type { Touched } from '#shared/contracts/admin-touched.ts';
import { sayMissing } from './say-missing.ts';
import { when } from './show.ts';

/** `--json` shows all; a terminal this many of each. */
const mostLines = 20;

export function answerTouched(call: CliCall, report: Touched): void {
  const { json, io } = call;
  if (json) io.out(JSON.stringify(report));
  else {
    for (const line of touchedLines(report)) io.out(line);
    sayMissing(call, report);
  }
}

export function touchedLines(report: Touched): string[] {
  const { kind, id, person, from, to, records, cutOff, apps, addresses, denied, signIns, changes, devices } = report;
  const who = kind === 'device' ? `device ${id} of ${person}` : `person ${id}`;
  const lines = [`What ${who} touched from ${when(from)} to ${when(to)} (${records} records):`];
  if (cutOff) lines.push(`There is more before ${when(from)}: ask for a shorter time, with --until.`);
  const section = (title: string, rows: readonly Readonly<Record<string, Cell>>[]) => {
    lines.push('', `${title}: ${rows.length === 0 ? 'none' : ''}`.trimEnd());
    if (rows.length > 0) lines.push(printTable(rows.slice(0, mostLines)));
    if (rows.length > mostLines) lines.push(`... and ${rows.length - mostLines} more (--json)`);
  };
  section(
    'Apps',
    apps.map(({ app, accesses, running, denied: refused, bytesUp, bytesDown, first, last, gateways }) => ({
      app,
      accesses,
      running,
      denied: refused,
      'bytes up': bytesUp,
      'bytes down': bytesDown,
      first: when(first),
      last: when(last),
      gateways: gateways.join(','),
    })),
  );
  section(
    'Requests',
    apps.flatMap(({ app, requests }) =>
      requests.map(({ request, count, denied: refused }) => ({ app, request, allowed: count, denied: refused })),
    ),
  );
  if (apps.some(({ more }) => more)) lines.push('There were more kinds of request than are listed.');
  section(
    'Refused',
    denied.map(({ reason, app, count, first, last }) => ({
      reason,
      app,
      count,
      first: when(first),
      last: when(last),
    })),
  );
  section(
    'Addresses',
    addresses.map(({ address, records: count, first, last }) => ({
      address,
      records: count,
      first: when(first),
      last: when(last),
    })),
  );
  section(
    'Sign-ins',
    signIns.map(({ time, verdict, what, device, address }) => ({ time: when(time), verdict, what, device, address })),
  );
  section(
    'Changes of factors, devices and settings',
    changes.map(({ time, kind: about, what, device, address, by }) => ({
      time: when(time),
      about,
      what,
      device,
      address,
      by,
    })),
  );
  section(
    `Devices of ${person}`,
    devices.map(({ device, name, state, enrolledAt, records: count, last }) => ({
      device,
      name,
      state,
      enrolled: when(enrolledAt),
      records: count,
      last: when(last),
    })),
  );
  return lines.map((line) => line.split('\n').map(safeText).join('\n'));
}

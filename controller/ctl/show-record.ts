/** A record on one line, and a story on several. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { AdminClient } from './connect.ts';
import { plural, when } from './show.ts';

/** So many digits of a trace are shown on a line; `log show` and `--trace` take them. */
const shownTrace = 8;

/** As wide as the terminal, where there is one; a file or a program gets all of it. */
const widthOf = (): number => (process.stdout.isTTY ? Math.max(40, process.stdout.columns) : Number.POSITIVE_INFINITY);

export function lineOf(record: AccessRecord, width = widthOf()): string {
  const { time, kind, phase, verdict, reasons, trace } = record;
  const head = phase === 'single' ? kind : `${kind}/${phase}`;
  // In columns as long as nothing is longer than usual, so that a page can be read downwards.
  const said = [verdict === 'none' ? '-' : verdict, ...(reasons.length === 0 ? [] : [reasons.join(',')])].join(' ');
  const isNarrow = width < 120;
  const at = isNarrow ? when(time).slice(5) : when(time);
  const columns = [
    at,
    trace.slice(0, shownTrace),
    isNarrow ? head : head.padEnd(14),
    isNarrow ? said : said.padEnd(19),
    whatOf(record),
  ];
  const line = safeText(columns.join('  '));
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

function whatOf(record: AccessRecord): string {
  const { person, device, app, gateway, request, status, actor, because, count } = record;
  const refused = record.event === 'refused' ? refusedCall(record) : undefined;
  const what = [
    record.event,
    refused,
    refused !== undefined && person === actor ? undefined : person,
    device,
    app,
    gateway,
    request && `${request.method} ${request.path}${request.operation === undefined ? '' : ` [${request.operation}]`}`,
    status,
    count !== undefined && count > 1 ? `x ${count}` : undefined,
    actor && `by ${actor}`,
    because && `because "${because}"`,
  ];
  return what.filter((part) => part !== undefined && part !== '').join(' ');
}

/** What somebody tried, and on whom or what. */
function refusedCall({ details = {} }: AccessRecord): string | undefined {
  const { call, on } = details;
  if (typeof call !== 'string') return undefined;
  return typeof on === 'string' ? `${call} (${on})` : call;
}

export const printRecord = ({ json, io }: CliCall, record: AccessRecord): void =>
  io.out(json ? JSON.stringify(record) : lineOf(record));

type Story = Awaited<ReturnType<AdminClient['recordStory']>>;

/** Members that a line of the story says already. */
const said = new Set(['time', 'kind', 'phase', 'verdict', 'reasons', 'trace', 'policies']);

export function printStory({ io }: CliCall, { trace, records, more }: Story): void {
  io.out(`trace  ${trace}  ${plural(records.length, 'record')}${more ? ', and more that are not shown' : ''}`);
  for (const { record, own, reasons, policies } of records) {
    const { time, kind, phase, verdict } = record;
    const head = phase === 'single' ? kind : `${kind}/${phase}`;
    const from = own ? '' : `  (of trace ${record.trace.slice(0, shownTrace)}, on which this rests)`;
    io.out(`\n${when(time)}  ${head}  ${verdict === 'none' ? '' : verdict}${from}`.trimEnd());
    for (const { reason, text } of reasons) io.out(safeText(`  ${reason}: ${text}`));
    for (const { name, effect, reason } of policies) {
      const words = reason === undefined ? '' : `: ${reason}`;
      io.out(safeText(`  policy ${name}${effect === undefined ? '' : ` (${effect})`}${words}`));
    }
    const members = Object.entries(record).filter(([name, value]) => value !== undefined && !said.has(name));
    const width = Math.max(0, ...members.map(([name]) => name.length));
    for (const [name, value] of members) io.out(`  ${name.padEnd(width)}  ${safeText(tell(value))}`);
  }
}

function tell(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  const { method, host, path, operation } = value as Readonly<Record<string, unknown>>;
  if (typeof method === 'string' && typeof path === 'string')
    return `${method} ${String(host)}${path}${typeof operation === 'string' ? ` [${operation}]` : ''}`;
  return JSON.stringify(value);
}

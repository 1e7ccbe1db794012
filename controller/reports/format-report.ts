/** A report as text, JSON or CSV. */
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type Cell, type Report, reports } from '#shared/contracts/admin-reports.ts';
import { csvCell } from '../log/formats/csv.ts';

export const reportForms = ['text', 'json', 'csv'] as const;
export type ReportForm = (typeof reportForms)[number];

const times = new Set(['time', 'first', 'last', 'factsAt']);
const iso = (ms: number): string => new Date(ms).toISOString();
export const shownCell = (name: string, cell: Cell | undefined): Cell =>
  cell === undefined || cell === null ? null : times.has(name) && typeof cell === 'number' ? iso(cell) : cell;

/** With a line feed at its end. */
export function formatReport(report: Report, form: ReportForm): string {
  if (form === 'json') return `${JSON.stringify(report)}\n`;
  const { columns, rows } = report;
  if (form === 'csv') {
    const lines = [
      columns.join(','),
      ...rows.map((row) => columns.map((name) => csvCell(plain(shownCell(name, row[name])))).join(',')),
    ];
    return `${lines.join('\r\n')}\r\n`;
  }
  const table = printTable(
    rows.map((row) => {
      const shown = row['before'] === undefined ? row : { ...row, ...whatDiffers(row) };
      return Object.fromEntries(columns.map((name) => [name, cut(name, shownCell(name, shown[name]))]));
    }),
    columns,
  );
  const more = columns.includes('before')
    ? ['Here before and after show what differs, cut where it is long: --format csv or json has all of it.']
    : [];
  return `${[...reportHead(report), ...more, '', ...table.split('\n')].map(safeText).join('\n')}\n`;
}

/** Of two objects the members that are not the same in both; everything else as it is. */
function whatDiffers({ before, after }: Record<string, Cell>): Record<string, Cell> {
  const [was, is] = [membersOf(before), membersOf(after)];
  if (was === undefined || is === undefined) return {};
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const differ = names.filter((name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]));
  const only = (from: Record<string, unknown>) => JSON.stringify(Object.fromEntries(differ.map((n) => [n, from[n]])));
  return { before: only(was), after: only(is) };
}

function membersOf(cell: Cell | undefined): Record<string, unknown> | undefined {
  if (typeof cell !== 'string' || !cell.startsWith('{')) return undefined;
  try {
    return JSON.parse(cell) as Record<string, unknown>;
  } catch {
    // A name that begins like an object.
    return undefined;
  }
}

const longCells = new Set(['before', 'after', 'details']);
const longest = 80;
const cut = (name: string, cell: Cell): Cell =>
  longCells.has(name) && typeof cell === 'string' && cell.length > longest ? `${cell.slice(0, longest - 1)}…` : cell;

const plain = (cell: Cell): string | number | undefined =>
  cell === null ? undefined : typeof cell === 'boolean' ? String(cell) : cell;

/** What a report is, in lines. */
export function reportHead({ report, at, from, made, epoch, rows, undetermined, sample, notes }: Report): string[] {
  return [
    `${report}: ${reports[report]}`,
    from === undefined ? `Of ${iso(at)}.` : `From ${iso(from)} to ${iso(at)}.`,
    `Made ${iso(made)}.${epoch === undefined ? '' : ` Policy version in force: ${epoch === 0 ? 'none' : epoch}.`}`,
    sample === undefined
      ? `Rows: ${rows.length}${undetermined === 0 ? '' : `, of which undetermined: ${undetermined}`}.`
      : `A sample: ${sample.rows} of ${sample.of} rows, drawn with the seed ${JSON.stringify(sample.seed)}.`,
    ...notes,
  ];
}

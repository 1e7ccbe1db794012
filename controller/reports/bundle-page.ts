/** The page of an evidence bundle for people: no script, nothing from elsewhere, every text escaped. */
import type { Report } from '#shared/contracts/admin-reports.ts';
import { plain } from '#shared/log/show-proof.ts';
import { reportHead, shownCell } from './format-report.ts';

const mostRows = 500;
const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** What turns the direction of text or hides is shown as what it is. */
export const escaped = (text: string): string => plain(text).replaceAll(/[&<>"']/g, (mark) => marks[mark]!);

export interface BundlePage {
  readonly origin: string;
  readonly from: number;
  readonly to: number;
  readonly records: number;
  readonly reports: readonly Report[];
}

export function bundlePage({ origin, from, to, records, reports }: BundlePage): string {
  const iso = (ms: number) => new Date(ms).toISOString();
  const lines = [
    `${records} records of the access log of ${origin}, from ${iso(from)} to ${iso(to)}.`,
    'This page is for reading. What proves it: node check-proof.mjs FOLDER --key KEY, with the key of the log from elsewhere.',
  ];
  return htmlPage(
    `Evidence: ${origin}`,
    `<h1>Evidence</h1>
${lines.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
${reports.map(section).join('\n')}`,
  );
}

/** `body` is HTML, `title` is not. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #999;padding:2px 6px;text-align:left}</style></head>
<body>${body}
</body></html>
`;
}

function section(report: Report): string {
  const { columns, rows } = report;
  const [title = '', ...about] = reportHead(report);
  if (rows.length > mostRows) about.push(`The first ${mostRows} rows; all are in reports/${report.report}.csv.`);
  const body = rows.slice(0, mostRows).map((one) => columns.map((name) => String(shownCell(name, one[name]) ?? '')));
  return `<h2>${escaped(title)}</h2>
${about.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
${htmlTable(columns, body)}`;
}

export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${[row(head, 'th'), ...rows.map((cells) => row(cells, 'td'))].join('\n')}</table>`;
}

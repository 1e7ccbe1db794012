/** What `posternctl log stats` prints: rows with their shares, then the size of the log. */
import type { CliCall } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import type { AdminClient } from './connect.ts';
import { sayMissing } from './say-missing.ts';
import { flag, plural, when } from './show.ts';

type Stats = Awaited<ReturnType<AdminClient['recordStats']>>;

export function answerStats(call: CliCall, stats: Stats): void {
  const { io, json } = call;
  if (json) {
    io.out(JSON.stringify(stats));
    return;
  }
  const { by, rows, others, total, having, whole, from, log } = stats;
  if (flag(call, 'csv')) {
    io.out(`${by},records,share`);
    for (const { value, count, share } of rows) io.out(`${csvCell(value)},${count},${share.toFixed(6)}`);
    if (others.values > 0) io.err(`${plural(others.values, 'further value')} with ${number(others.count)}: --top`);
    return;
  }
  if (by !== undefined) {
    io.out(
      printTable(
        rows.map(({ value, count, share }) => ({ [by]: safeText(value), records: count, share: percent(share) })),
      ),
    );
    if (others.values > 0)
      io.out(`... and ${plural(others.values, 'value')} more with ${plural(others.count, 'record')} (--top)`);
    if (having !== total) io.out(`Of the records found ${number(total)}; one can have several values, or none.`);
    io.out('');
  }
  sayMissing(call, stats);
  if (!whole) io.err(`It took long: this tells only of what was written since about ${when(from)}.`);
  io.out(`${number(total)} records found`);
  io.out(
    `The log: ${number(log.records)} records from ${when(log.oldest)} to ${when(log.newest)}, about ${bytes(log.recordBytes)} each; ` +
      `database ${bytes(log.databaseBytes)}, index of search ${bytes(log.indexBytes)}`,
  );
  io.out(
    `It grows by ${number(log.recordsADay)} records and ${bytes(log.bytesADay)} a day; ${number(log.unindexed)} wait for the index.`,
  );
  const { anchors, gateways } = log;
  const places = anchors.map(({ name, behind, anchoredAt }) =>
    anchoredAt === undefined ? `${name} never` : `${name} ${when(anchoredAt)}, ${number(behind)} behind`,
  );
  io.out(
    `Checkpoints: kept by ${gateways.keep} of ${plural(gateways.all, 'gateway')}; outside: ${safeText(places.join('; ') || 'nowhere')}`,
  );
}

const number = (n: number): string => n.toLocaleString('en');
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, n)) / 3)));
  return `${(n / 1000 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}

/** RFC 4180; what a table program would take for a formula is made text. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

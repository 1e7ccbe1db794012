/**
 * CSV (RFC 4180, UTF-8 without a mark): a head, then one row a record. A cell that a spreadsheet would take for a formula begins with
 * an apostrophe, and so does one that begins with an apostrophe itself: who reads it back takes one apostrophe away from every cell
 * that has it.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { flatFields } from './flat-fields.ts';
import type { RecordFormat } from './record-format.ts';

// OWASP "CSV injection": what begins a formula, also in full width and behind blanks, and what moves to another cell.
const formula = /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20|%']|^[\t\r\n]/u;

export const csvCell = (value: string | number | undefined): string => {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = value.toWellFormed();
  const harmless = formula.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
};

const row = (record: AccessRecord): string => flatFields.map(({ read }) => csvCell(read(record))).join(',');

export const csv: RecordFormat = {
  about: 'CSV with a head, safe for spreadsheets',
  extension: 'csv',
  contentType: 'text/csv; charset=utf-8; header=present',
  head: `${flatFields.map(({ name }) => name).join(',')}\r\n`,
  one: row,
  lines: (records) => records.map((record) => `${row(record)}\r\n`).join(''),
};

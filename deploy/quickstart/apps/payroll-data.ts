/** Invented salaries. A person's figures follow from their id, so everybody has some and they stay the same. */
import { createHash } from 'node:crypto';

export const thisMonth = '2026-10';
const months = ['2026-08', '2026-09', thisMonth];

const staff = [
  { id: 'e-1001', name: 'Amina Diallo', department: 'Engineering' },
  { id: 'e-1002', name: 'Bruno Costa', department: 'Engineering' },
  { id: 'e-1003', name: 'Chen Wei', department: 'Finance' },
  { id: 'e-1004', name: 'Dagny Holm', department: 'Support' },
  { id: 'e-1005', name: 'Esra Kaya', department: 'Support' },
];

export interface Payslip {
  readonly month: string;
  /** Whole euros. */
  readonly gross: number;
  readonly tax: number;
  readonly net: number;
}

export const isMonth = (text: string): boolean => /^20\d\d-(0[1-9]|1[0-2])$/.test(text);

export function listPayslips(person: string): Payslip[] {
  return months.map((month) => makePayslip(person, month));
}

export function summarize() {
  return { people: staff.length, months: months.map((month) => ({ month, gross: sumGross(month) })) };
}

/** RFC 4180. */
export function exportMonth(month: string): string {
  const rows = staff.map(({ id, name, department }) => {
    const { gross, tax, net } = makePayslip(id, month);
    return [month, id, name, department, gross, tax, net].join(',');
  });
  return `${['month,employee,name,department,gross,tax,net', ...rows].join('\r\n')}\r\n`;
}

function sumGross(month: string): number {
  return staff.reduce((sum, { id }) => sum + makePayslip(id, month).gross, 0);
}

function makePayslip(person: string, month: string): Payslip {
  const gross = 3000 + (createHash('sha256').update(person).digest().readUInt16BE() % 4000);
  const tax = Math.round(gross * 0.3);
  return { month, gross, tax, net: gross - tax };
}

/** One record against its leaf: disclosures by their digests, columns by what leaf and disclosures say. Pure. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { digestOf } from '#shared/log/disclosures.ts';
import { openColumns, personalColumns } from '../record-row.ts';

export interface StoredRow {
  readonly leaf: string;
  readonly disclosures: string;
  readonly spool: string | null;
  readonly seq: number | null;
  readonly [column: string]: unknown;
}

export const comparedColumns = [
  ...Object.keys(openColumns({ reasons: [] } as unknown as AccessRecord)),
  ...Object.keys(personalColumns({} as AccessRecord)),
];

interface ParsedLeaf extends AccessRecord {
  readonly spool?: string;
  readonly seq?: number;
  readonly hidden: readonly string[];
  readonly _sd: readonly string[];
}

/** What is wrong, in words; nothing for a record as it was written. `erased`: whether values are missing. */
export function checkRow(row: StoredRow): { wrong: string[]; erased: boolean } {
  let leaf: ParsedLeaf;
  let shown: [string, string, unknown][];
  try {
    leaf = JSON.parse(row.leaf) as ParsedLeaf;
    shown = JSON.parse(row.disclosures) as [string, string, unknown][];
  } catch {
    return { wrong: ['leaf or disclosures cannot be read'], erased: false };
  }
  const wrong: string[] = [];
  const values: Record<string, unknown> = {};
  // In the order of `hidden`, so that one look each is enough; another order is taken for what it is, a change.
  let at = 0;
  for (const one of shown) {
    const name = one[1];
    while (at < leaf.hidden.length && leaf.hidden[at] !== name) at += 1;
    if (at === leaf.hidden.length) wrong.push(`disclosure ${name} is not of this record`);
    else if (leaf._sd[at] !== digestOf(JSON.stringify(one))) wrong.push(`${name} is not what was written`);
    at += 1;
    values[name] = one[2];
  }
  compare(wrong, row, openColumns(leaf));
  compare(wrong, row, personalColumns(personalOf(leaf, values)));
  const { spool = null, seq = null } = leaf;
  if (row.spool !== spool || row.seq !== seq) wrong.push('its place in the spool is not what was written');
  return { wrong, erased: shown.length < leaf.hidden.length };
}

function personalOf(leaf: ParsedLeaf, values: Readonly<Record<string, unknown>>): AccessRecord {
  const { request } = leaf;
  const missing = leaf.hidden.filter((name) => !Object.hasOwn(values, name));
  return {
    person: values['person'],
    actor: values['actor'],
    from: values['from'],
    ...(request === undefined ? {} : { request: { ...request, host: values['host'], path: values['path'] } }),
    erased: missing,
  } as unknown as AccessRecord;
}

function compare(wrong: string[], row: StoredRow, expected: Readonly<Record<string, unknown>>): void {
  for (const column in expected) {
    if (row[column] !== expected[column]) wrong.push(`column ${column} is not what was written`);
  }
}

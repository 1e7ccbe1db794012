/** One record against its leaf: disclosures by their digests, columns by what leaf and disclosures say. Pure. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { digestOf } from '#shared/log/disclosures.ts';
import { type SplitDisclosure, splitDisclosures } from '#shared/log/split-disclosures.ts';
import { openColumns, personalColumns } from '../record-row.ts';

/** In the order in which `columns` has their values. */
export const comparedColumns = [
  ...Object.keys(openColumns({ reasons: [] } as unknown as AccessRecord)),
  ...Object.keys(personalColumns({} as AccessRecord)),
  'spool',
  'seq',
];

/** As one text, in SQL: each column by itself would cost more. */
export const togetherColumns = `json_array(${comparedColumns.map((name) => `r."${name}"`).join(', ')})`;

export interface StoredRow {
  readonly leaf: string;
  readonly disclosures: string;
  /** The compared columns as one JSON list, which is compared as text; one by one only where it differs. */
  readonly together: string;
}

/** The compared columns apart. */
export type ReadColumns = () => readonly unknown[];

export interface ParsedLeaf extends AccessRecord {
  readonly spool?: string;
  readonly seq?: number;
  readonly hidden: readonly string[];
  readonly _sd: readonly string[];
}

/** What is wrong, in words; nothing for a record as it was written. `erased`: whether values are missing; `isDelivered`: by a gateway. */
export function checkRow(
  { leaf: text, disclosures, together }: StoredRow,
  columns: ReadColumns,
): { wrong: string[]; erased: boolean; isDelivered: boolean } {
  let leaf: ParsedLeaf;
  let shown: SplitDisclosure[];
  try {
    leaf = JSON.parse(text) as ParsedLeaf;
    shown = splitDisclosures(disclosures);
  } catch {
    return { wrong: ['leaf or disclosures cannot be read'], erased: false, isDelivered: false };
  }
  const wrong: string[] = [];
  const values: Record<string, unknown> = {};
  // In the order of `hidden`, so that one look each is enough; another order is taken for what it is, a change.
  let at = 0;
  for (const { text: one, name, value } of shown) {
    while (at < leaf.hidden.length && leaf.hidden[at] !== name) at += 1;
    if (at === leaf.hidden.length) wrong.push(`disclosure ${name} is not of this record`);
    else if (leaf._sd[at] !== digestOf(one)) wrong.push(`${name} is not what was written`);
    at += 1;
    values[name] = value;
  }
  const erased = shown.length < leaf.hidden.length;
  const { spool = null, seq = null } = leaf;
  const personal = personalColumns(personalOf(leaf, values, erased));
  const expected = [...Object.values(openColumns(leaf)), ...Object.values(personal), spool, seq];
  if (together !== JSON.stringify(expected)) {
    const found = columns();
    for (const [place, value] of expected.entries()) {
      if (found[place] !== value) wrong.push(`column ${comparedColumns[place]} is not what was written`);
    }
  }
  return { wrong, erased, isDelivered: spool !== null };
}

function personalOf(leaf: ParsedLeaf, values: Readonly<Record<string, unknown>>, erased: boolean): AccessRecord {
  const { request } = leaf;
  return {
    person: values['person'],
    actor: values['actor'],
    from: values['from'],
    ...(request === undefined ? {} : { request: { host: values['host'], path: values['path'] } }),
    erased: erased ? leaf.hidden.filter((name) => !Object.hasOwn(values, name)) : [],
  } as unknown as AccessRecord;
}

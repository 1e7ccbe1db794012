/**
 * The short way of `check-row.ts` for a row as it was written, which nearly all are: no disclosure is read as JSON, and of none a text is
 * made. A row that it does not know to be whole goes the long way, which says what is wrong with it, if anything is. Pure.
 */
import { digestWithin } from '#shared/log/disclosures.ts';
import { openColumns } from '../record-row.ts';
import type { ParsedLeaf, StoredRow } from './check-row.ts';

/** `["`, the salt, `","`: where in a disclosure the name begins. */
const nameAt = 2 + 22 + 3;
const quote = 0x22;

const scratch = Buffer.alloc(64 * 1024);

/**
 * True for a row of which nothing was erased, whose disclosures have the digests that the leaf has for them, and whose columns say what
 * both say. `leaf` is known to be the text that stands in the tree. False says nothing.
 */
export function isWhole(row: StoredRow): boolean {
  try {
    return isSame(row);
  } catch {
    return false;
  }
}

function isSame({ leaf: text, disclosures: list, together }: StoredRow): boolean {
  // In plain ASCII each character is a byte, and what is found in the text is at the same place in the bytes.
  if (list.length * 3 > scratch.length || scratch.write(list) !== list.length) return false;
  const leaf = JSON.parse(text) as ParsedLeaf;
  const { hidden, _sd: digests, request, spool = null, seq = null } = leaf;
  let person = 'null';
  let actor = 'null';
  let address = 'null';
  let host = 'null';
  let path = 'null';
  const count = hidden.length;
  let from = 1;
  for (let at = 0; at < count; at += 1) {
    // Where a value holds these characters too the cut is at the wrong place, and what was cut has another digest.
    const end = at === count - 1 ? list.length - 1 : list.indexOf('],["', from) + 1;
    // With this digest it is what was written: the JSON of salt, name and value.
    if (digestWithin(scratch, from, end) !== digests[at]) return false;
    const name = hidden[at]!;
    const valueAt = from + nameAt + name.length + 2;
    if (!list.startsWith(name, from + nameAt) || list.charCodeAt(valueAt - 2) !== quote) return false;
    if (name === 'person') person = list.slice(valueAt, end - 1);
    else if (name === 'from') address = list.slice(valueAt, end - 1);
    else if (name === 'host') host = list.slice(valueAt, end - 1);
    else if (name === 'path') path = list.slice(valueAt, end - 1);
    else if (name === 'actor') actor = list.slice(valueAt, end - 1);
    from = end + 1;
  }
  if (count === 0 ? list !== '[]' : from !== list.length || !list.startsWith('[[') || !list.endsWith(']]'))
    return false;
  if (request === undefined && (host !== 'null' || path !== 'null')) return false;
  const open = JSON.stringify(Object.values(openColumns(leaf))).slice(0, -1);
  return together === `${open},${person},${actor},${address},${host},${path},${JSON.stringify(spool)},${seq}]`;
}

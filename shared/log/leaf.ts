/**
 * What of a record is hashed into the log: the leaf, one line of JSON with everything that is not personal, and for each personal field
 * its name (`hidden`) and, in the same order, the digest of its disclosure (`_sd`). Pure.
 */
import { PosternError } from '#shared/base/errors.ts';
import { type AccessRecord, type PersonalField, personalFields } from '#shared/contracts/record.ts';
import { type Committed, commit, type Disclosure, digestOf } from './disclosures.ts';

/** C2SP tlog-tiles: an entry of a bundle has 16 bits for its length. */
export const maxLeafBytes = 65_535;

/** Where a record came from: its place in a gateway's spool. */
export interface SpoolPlace {
  readonly spool: string;
  readonly seq: number;
}

export interface SealedRecord {
  /** UTF-8, one line, at most `maxLeafBytes`. */
  readonly leaf: string;
  /** JSON: a list of disclosures, in the order of `hidden`; those that were erased are missing. */
  readonly disclosures: string;
}

/** Members of a leaf; `request` is without host and path. */
type Leaf = Omit<AccessRecord, PersonalField | 'request' | 'erased'> &
  Partial<SpoolPlace> & {
    readonly v: 1;
    readonly request?: { readonly method: string; readonly operation?: string };
    readonly hidden: readonly PersonalField[];
    readonly _sd: readonly string[];
  };

/** Throws `internal` for a leaf that no log takes; the contract's limits keep it far below. */
export function toLeaf(record: AccessRecord, place?: SpoolPlace): SealedRecord {
  const { person, actor, from, because, facts, details, request, erased: _, ...open } = record;
  const { host, path, ...asked } = request ?? {};
  const values = { person, actor, from, host, path, because, facts, details };
  const hidden: PersonalField[] = [];
  const committed: Committed[] = [];
  for (const name of personalFields) {
    const value = values[name];
    if (value === undefined) continue;
    hidden.push(name);
    committed.push(commit(name, value));
  }
  const leaf = JSON.stringify({
    v: 1,
    ...open,
    ...(request === undefined ? {} : { request: asked }),
    ...(place === undefined ? {} : { spool: place.spool, seq: place.seq }),
    hidden,
    _sd: committed.map(({ digest }) => digest),
  });
  if (leaf.length > maxLeafBytes / 3 && Buffer.byteLength(leaf) > maxLeafBytes)
    throw new PosternError('internal', `the record ${record.id} is too large for the log`);
  return { leaf, disclosures: `[${committed.map(({ text }) => text).join(',')}]` };
}

/**
 * The record again. Fields that were erased are missing and named in `erased`; a request without its host or path has an empty text there.
 * Digests are not looked at: `checkLeaf` does that. Throws `internal` for a leaf of another form.
 */
export function fromLeaf({ leaf, disclosures }: SealedRecord): { record: AccessRecord; place?: SpoolPlace } {
  const { v, hidden, _sd, spool, seq, request, ...open } = JSON.parse(leaf) as Leaf;
  if (v !== 1) throw new PosternError('internal', 'a leaf of the log has a form that is not known here');
  const values = new Map((JSON.parse(disclosures) as Disclosure[]).map(([, name, value]) => [name, value]));
  const record: Record<string, unknown> = open;
  const target: Record<string, unknown> = { host: '', path: '' };
  const erased: PersonalField[] = [];
  for (const name of hidden) {
    if (!values.has(name)) erased.push(name);
    else if (name === 'host' || name === 'path') target[name] = values.get(name);
    else record[name] = values.get(name);
  }
  if (request !== undefined) record['request'] = { ...request, ...target };
  if (erased.length > 0) record['erased'] = erased;
  return {
    record: record as AccessRecord,
    ...(spool === undefined || seq === undefined ? {} : { place: { spool, seq } }),
  };
}

/** What of the disclosures is not what the leaf committed to, in words; nothing for a record as it was written, or with fields erased. */
export function checkLeaf({ leaf, disclosures }: SealedRecord): string[] {
  const { hidden, _sd } = JSON.parse(leaf) as Leaf;
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (const one of JSON.parse(disclosures) as Disclosure[]) {
    const [, name] = one;
    const index = hidden.indexOf(name as PersonalField);
    if (index < 0) wrong.push(`${name} is not of this record`);
    else if (seen.has(name)) wrong.push(`${name} stands there twice`);
    else if (_sd[index] !== digestOf(JSON.stringify(one))) wrong.push(`${name} is not what was written`);
    seen.add(name);
  }
  return wrong;
}

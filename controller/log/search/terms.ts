/** What the index of the log knows a record by: one letter for the field, then the value. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { addressHex, wideDigits } from './address-terms.ts';
import { wellFormed, wordsIn } from './words.ts';

/** Every record. */
export const everyTerm = '';
export const field = {
  kind: 'k',
  verdict: 'v',
  reason: 'r',
  person: 'p',
  device: 'd',
  app: 'a',
  gateway: 'g',
  session: 's',
  actor: 'c',
  policy: 'y',
  method: 'm',
  status: 't',
  host: 'o',
  event: 'e',
  operation: 'n',
  trace: 'x',
  address: 'i',
  /** The network around the address. */
  network: 'j',
  /** Then the depth, then so many segments of the path. */
  path: 'q',
  word: 'w',
  /** Words of readings of the log: else whoever searches for a word finds their own searches. */
  readWord: 'u',
} as const;
export type Field = keyof typeof field;

/** Longer values are cut: a search compares the record itself then. */
export const maxTerm = 80;
/** Cut, here and in searches alike. */
export const cutTerm = (term: string): string => (term.length > maxTerm ? wellFormed(term.slice(0, maxTerm)) : term);
export const traceDigits = 12;
export const pathDepth = 3;
/** Of one record: the rest is not found by free text. */
export const maxWords = 256;

/** Fields whose whole value a word of free text may be. */
export const wordFields = [
  'person',
  'actor',
  'device',
  'app',
  'gateway',
  'session',
  'policy',
  'reason',
  'event',
  'host',
  'operation',
] as const satisfies readonly Field[];

export interface FieldValue {
  readonly name: Field;
  readonly value: string;
}

/** Values by which a record is found whole. */
export function valuesOf(record: AccessRecord): FieldValue[] {
  const { request, policies = [], status } = record;
  const values: FieldValue[] = [];
  const add = (name: Field, value: string | undefined) => {
    if (value !== undefined && value !== '') values.push({ name, value: wellFormed(value) });
  };
  add('kind', record.kind);
  add('verdict', record.verdict);
  for (const reason of record.reasons) add('reason', reason);
  add('person', record.person);
  add('device', record.device);
  add('app', record.app);
  add('gateway', record.gateway);
  add('session', record.session);
  add('actor', record.actor);
  for (const policy of policies) add('policy', policy);
  add('method', request?.method);
  add('status', status === undefined ? undefined : String(status).padStart(3, '0'));
  add('host', request?.host.toLowerCase());
  add('event', record.event);
  add('operation', request?.operation);
  return values;
}

const readingEvents = new Set<string | undefined>(['records-read', 'records-exported', 'facts-read']);
export const isReading = (record: AccessRecord): boolean => record.kind === 'log' && readingEvents.has(record.event);

const isWordField = new Set<Field>(wordFields);

/** Each field's words in their order: what free text is compared with. */
export const textsOf = (record: AccessRecord, values = valuesOf(record)): string[] => [
  ...values.flatMap(({ name, value }) => (isWordField.has(name) ? [value] : [])),
  ...otherTexts(record),
];

/** What stands in no field of its own. */
function otherTexts(record: AccessRecord): string[] {
  const texts: string[] = [];
  if (record.request !== undefined) texts.push(decodePath(record.request.path));
  if (record.because !== undefined) texts.push(record.because);
  if (record.from !== undefined) texts.push(record.from);
  if (record.details !== undefined) addTexts(texts, record.details, 0);
  return texts;
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function addTexts(texts: string[], value: unknown, depth: number): void {
  if (typeof value === 'string') texts.push(value);
  else if (typeof value === 'number') texts.push(String(value));
  else if (typeof value === 'object' && value !== null && depth < 8)
    for (const member of Object.values(value)) addTexts(texts, member, depth + 1);
}

/** Each once; the places of a record in the index. */
export function termsOf(record: AccessRecord): Set<string> {
  const values = valuesOf(record);
  const terms = new Set<string>([everyTerm, field.trace + record.trace.slice(0, traceDigits)]);
  for (const { name, value } of values) terms.add(cutTerm(field[name] + value));
  const hex = record.from === undefined ? undefined : addressHex(record.from);
  if (hex !== undefined) {
    terms.add(field.address + hex);
    terms.add(field.network + hex.slice(0, wideDigits(hex)));
  }
  const path = record.request?.path;
  if (path !== undefined && path !== '') addPath(terms, wellFormed(path));
  const letter = isReading(record) ? field.readWord : field.word;
  const words: string[] = [];
  for (const { name, value } of values) {
    // A value that is one word is found by its own term.
    if (isWordField.has(name)) for (const word of wordsIn(value)) if (word !== value) words.push(word);
  }
  for (const text of otherTexts(record)) words.push(...wordsIn(text));
  for (const word of words.length > maxWords ? words.slice(0, maxWords) : words) terms.add(letter + word);
  return terms;
}

/** `/a/b/c/d` stands under `1/a`, `2/a/b` and `3/a/b/c`. */
function addPath(terms: Set<string>, path: string): void {
  let end = 0;
  for (let depth = 1; depth <= pathDepth; depth++) {
    const next = path.indexOf('/', end + 1);
    end = next < 0 ? path.length : next;
    terms.add(cutTerm(`${field.path}${depth}${path.slice(0, end)}`));
    if (next < 0) return;
  }
}

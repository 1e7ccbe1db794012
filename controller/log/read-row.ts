/**
 * A record out of a row that somebody may have made unreadable. Whoever hands the log on, record after record, hands on what stands in for it, and
 * whoever sums it up says how many they were: nothing is passed over in silence, and nothing waits behind it.
 */
import { asPosternError } from '#shared/base/errors.ts';
import { madeIdPattern } from '#shared/base/known-patterns.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { SealedRecord } from '#shared/log/leaf.ts';
import { recordOf } from './record-row.ts';

export interface ReadRow extends SealedRecord {
  readonly position: number;
  readonly id: string;
  readonly time: number;
  readonly trace: string;
}

export interface Unreadable {
  readonly position: number;
  /** As the column has it. */
  readonly record: string;
  readonly why: string;
}

export const readColumns = ['position', 'id', 'time', 'trace', 'leaf', 'disclosures'] as const;

/** `unreadable`: what stands there is no record; `record` stands in for it then. */
export function readRow(row: ReadRow): { readonly record: AccessRecord; readonly unreadable?: Unreadable } {
  const read = tryRecord(row);
  if (typeof read !== 'string') return { record: read };
  const unreadable = { position: row.position, record: String(row.id).slice(0, 64), why: read };
  return { record: standIn(row, unreadable), unreadable };
}

/** Or, in words, why it cannot be read. */
export function tryRecord(row: SealedRecord): AccessRecord | string {
  try {
    const record = recordOf(row);
    const wrong = wrongMember(record as unknown as Record<string, unknown>);
    return wrong === undefined ? record : `its member ${wrong} is missing, or of another type`;
  } catch (error) {
    // Its words would quote from the record, of whomever that tells.
    return error instanceof SyntaxError ? 'it is no JSON' : asPosternError(error).message.slice(0, 200);
  }
}

const texts = ['id', 'kind', 'phase', 'trace', 'verdict'] as const;
const more = 'event opening person device session app gateway grant from facts actor because'.split(' ');
const numbers = ['arrived', 'status', 'bytesUp', 'bytesDown', 'durationMs', 'epoch', 'count'] as const;

/** What every form relies on. Whether it is what was written, `log verify` knows. */
function wrongMember(record: Readonly<Record<string, unknown>>): string | undefined {
  const is = (type: string) => (name: string) => typeof record[name] === type;
  const isOr = (type: string) => (name: string) => record[name] === undefined || typeof record[name] === type;
  const { request, reasons, policies, details } = record;
  return (
    texts.find((name) => !is('string')(name)) ??
    more.find((name) => !isOr('string')(name)) ??
    numbers.find((name) => !isOr('number')(name)) ??
    (Number.isSafeInteger(record['time']) ? undefined : 'time') ??
    (isTexts(reasons) ? undefined : 'reasons') ??
    (policies === undefined || isTexts(policies) ? undefined : 'policies') ??
    (details === undefined || isObject(details) ? undefined : 'details') ??
    (request === undefined || isRequest(request) ? undefined : 'request')
  );
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isRequest = (value: unknown): boolean =>
  isObject(value) && ['method', 'host', 'path'].every((name) => typeof value[name] === 'string');

const traceWhole = /^[0-9a-f]{32}$/;

/** It has the id, the time and the trace of what it stands for, as far as the columns beside it tell them. */
function standIn({ position, id, time, trace }: ReadRow, { record, why }: Unreadable): AccessRecord {
  return {
    id: new RegExp(madeIdPattern).test(id) ? id : `rec_unreadable${position}`,
    time: Number.isSafeInteger(time) ? time : 0,
    kind: 'log',
    event: 'record-unreadable',
    phase: 'single',
    trace: traceWhole.test(trace) ? trace : '0'.repeat(32),
    verdict: 'none',
    reasons: [],
    details: { standsIn: true, record, position, why },
  };
}

/** Whether a record is what a search asks for. The index proposes, this decides; what is not indexed yet is judged by this alone. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { addressHex } from './address-terms.ts';
import type { Filter } from './filter.ts';
import { hasPhrases } from './free-text.ts';
import { isReading, textsOf, valuesOf } from './terms.ts';
import { wellFormed } from './words.ts';

export function matches(record: AccessRecord, filter: Filter): boolean {
  const { whole, status, trace, networks, path, phrases, from, to } = filter;
  if (record.time < from || record.time > to) return false;
  if (trace !== undefined && !record.trace.startsWith(trace)) return false;
  if (path !== undefined && !wellFormed(record.request?.path ?? '').startsWith(path)) return false;
  if (networks.length > 0) {
    const hex = record.from === undefined ? undefined : addressHex(record.from);
    if (hex === undefined || !networks.some(({ low, high }) => hex >= low && hex <= high)) return false;
  }
  if (whole.length === 0 && status.length === 0 && phrases.length === 0) return true;
  const values = valuesOf(record);
  for (const wanted of whole) {
    if (!values.some(({ name, value }) => name === wanted.name && wanted.values.includes(value))) return false;
  }
  if (status.length > 0) {
    const own = values.find(({ name }) => name === 'status')?.value;
    if (own === undefined || !status.some((digits) => own.startsWith(digits))) return false;
  }
  if (phrases.length === 0) return true;
  return (filter.readings || !isReading(record)) && hasPhrases(textsOf(record, values), phrases);
}

/**
 * CEF (ArcSight Common Event Format, version 0). In values backslash, equals sign and line ends are escaped as it says; it has nothing
 * for other controls, which become `\u001b` and the like.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import product from '../../../package.json' with { type: 'json' };
import { flatFields } from './flat-fields.ts';
import { lineFormat } from './record-format.ts';
import { hideControls } from './safe-text.ts';
import { type Severity, sentence, severityOf } from './severity.ts';
import { addressKind } from './source-address.ts';

const severities: Readonly<Record<Severity, number>> = { info: 3, notice: 5, warning: 6, alarm: 9 };
const outcomes = { allow: 'success', deny: 'failure', none: undefined } as const;

const header = (text: string): string => hideControls(text).replace(/[\\|]/g, '\\$&');

// Line ends have an escape of their own; whatever else controls is hidden first.
const value = (text: string): string =>
  text
    .split(/(\n|\r)/)
    .map((part) => ({ '\n': '\\n', '\r': '\\r' })[part] ?? hideControls(part).replace(/[\\=]/g, '\\$&'))
    .join('');

/** Key of CEF, the field it carries, and the label where the key is one of the custom ones. */
export const cefKeys: readonly (readonly [key: string, field: string, label?: string])[] = [
  ['rt', 'time'],
  ['deviceCustomDate1', 'arrived', 'arrived'],
  ['externalId', 'id'],
  ['cat', 'kind'],
  ['act', 'event'],
  ['reason', 'reasons'],
  ['suser', 'person'],
  ['duser', 'actor'],
  ['dvchost', 'gateway'],
  ['requestMethod', 'method'],
  ['dhost', 'host'],
  ['request', 'path'],
  ['in', 'bytesUp'],
  ['out', 'bytesDown'],
  ['cnt', 'count'],
  ['msg', 'because'],
  ['cs1', 'app', 'app'],
  ['cs2', 'device', 'device'],
  ['cs3', 'trace', 'trace'],
  ['cs4', 'policies', 'policies'],
  ['cs5', 'details', 'details'],
  ['cs6', 'operation', 'operation'],
  ['cn1', 'status', 'status'],
  ['cn2', 'durationMs', 'durationMs'],
  ['cn3', 'epoch', 'epoch'],
  ['flexString1', 'session', 'session'],
  ['flexString2', 'grant', 'grant'],
  ['fileHash', 'facts'],
  ['oldFileId', 'opening'],
  ['deviceFacility', 'phase'],
];

const readers = new Map(flatFields.map(({ name, read }) => [name, read]));

function extension(record: AccessRecord): string[] {
  const outcome = outcomes[record.verdict];
  const parts = outcome === undefined ? [] : [`outcome=${outcome}`];
  const { from } = record;
  if (from !== undefined) parts.push(...source(from));
  for (const [key, field, label] of cefKeys) {
    const read = readers.get(field)?.(record);
    if (read === undefined) continue;
    if (label !== undefined) parts.push(`${key}Label=${label}`);
    parts.push(`${key}=${typeof read === 'number' ? read : value(read)}`);
  }
  return parts;
}

/** `src` is IPv4 only; IPv6 has custom keys. */
function source(from: string): string[] {
  const kind = addressKind(from);
  if (kind === 4) return [`src=${from}`];
  if (kind === 6) return ['c6a2Label=from', `c6a2=${from}`];
  return [`shost=${value(from)}`];
}

export const cef = lineFormat({
  about: 'CEF, ArcSight Common Event Format',
  extension: 'cef',
  contentType: 'text/plain; charset=utf-8',
  one(record) {
    const signature = [record.kind, record.verdict === 'none' ? record.event : record.verdict].filter(Boolean);
    const head = ['CEF:0', 'Postern', 'Postern', product.version, signature.join('.'), sentence(record)];
    const parts = [...head.map(header), severities[severityOf(record)], extension(record).join(' ')];
    return parts.join('|');
  },
});

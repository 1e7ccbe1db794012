/**
 * RFC 5424: the fields as structured data, a sentence as the message behind a byte order mark (section 6.4). Values are escaped twice:
 * first controls and backslashes (`visible`), so that a line stays a line for receivers that split at line ends, then as section 6.3.3
 * says. The enterprise number is the one for examples (RFC 5612): Postern has none of its own.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { flatten } from './flat-fields.ts';
import { lineFormat } from './record-format.ts';
import { isoTime, visible } from './safe-text.ts';
import { type Severity, sentence, severityOf } from './severity.ts';

export const structuredDataId = 'postern@32473';
/** Section 6.2.1: security and authorization, for its readers are those of the log. */
const facility = 10;
const severities: Readonly<Record<Severity, number>> = { info: 6, notice: 5, warning: 4, alarm: 2 };
const mark = '\ufeff';

const escaped = (value: string): string => visible(value).replace(/["\\\]]/g, '\\$&');

/** The header alone, for messages of other forms. Host: the gateway that saw it, else the controller. */
export function syslogHeader(record: AccessRecord): string {
  const priority = facility * 8 + severities[severityOf(record)];
  const host = record.gateway ?? 'controller';
  return `<${priority}>1 ${isoTime(record.time) ?? '-'} ${host} postern - ${record.kind}`;
}

export const rfc5424 = lineFormat({
  about: 'RFC 5424 syslog with structured data',
  extension: 'log',
  contentType: 'text/plain; charset=utf-8',
  one(record) {
    const parameters = flatten(record).map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
    const data = `[${structuredDataId}${parameters.join('')}]`;
    return `${syslogHeader(record)} ${data} ${mark}${visible(sentence(record))}`;
  },
});

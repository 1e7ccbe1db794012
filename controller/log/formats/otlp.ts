/**
 * OTLP logs as JSON (opentelemetry-proto 1, `ExportLogsServiceRequest`): 64-bit integers as text, trace ids as hex. A line of a file
 * is one request, as the file exporter of the specification has it.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import product from '../../../package.json' with { type: 'json' };
import { flatten } from './flat-fields.ts';
import type { RecordFormat } from './record-format.ts';
import { toJson } from './safe-text.ts';
import { type Severity, sentence, severityOf } from './severity.ts';

const severities: Readonly<Record<Severity, readonly [number, string]>> = {
  info: [9, 'INFO'],
  notice: [10, 'INFO2'],
  warning: [13, 'WARN'],
  alarm: [17, 'ERROR'],
};

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const attribute = (key: string, value: string | number) =>
  typeof value === 'number' ? { key, value: { intValue: String(value) } } : text(key, value);

/** Nanoseconds in 64 bits end in the year 2554. */
const lastMs = 18_446_744_073_709;
const nanos = (ms: number): string => String(BigInt(Math.min(ms, lastMs)) * 1_000_000n);

export function otlpRecord(record: AccessRecord) {
  const [severityNumber, severityText] = severities[severityOf(record)];
  return {
    timeUnixNano: nanos(record.time),
    // "When the event was observed by the collection system": with us, by the controller.
    observedTimeUnixNano: nanos(record.arrived ?? record.time),
    severityNumber,
    severityText,
    body: { stringValue: sentence(record) },
    // `log.record.uid`: semantic conventions, by which receivers drop doubles.
    attributes: [
      text('log.record.uid', record.id),
      ...flatten(record).map(([name, value]) => attribute(`postern.${name}`, value)),
    ],
    eventName: `postern.${record.kind}`,
    traceId: record.trace,
  };
}

export function otlpRequest(records: readonly AccessRecord[]) {
  return {
    resourceLogs: [
      {
        resource: {
          attributes: [text('service.name', 'postern'), text('service.version', product.version)],
        },
        scopeLogs: [{ scope: { name: 'postern.log', version: product.version }, logRecords: records.map(otlpRecord) }],
      },
    ],
  };
}

export const otlp: RecordFormat = {
  about: 'OTLP logs as JSON, a request a line',
  extension: 'otlp.jsonl',
  contentType: 'application/json',
  one: (record) => toJson(otlpRequest([record])),
  lines: (records) => (records.length === 0 ? '' : `${toJson(otlpRequest(records))}\n`),
};

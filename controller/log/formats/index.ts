/** Every form in which the log leaves Postern, by the name that commands and targets use. */
import { cef } from './cef.ts';
import { csv } from './csv.ts';
import { ecs } from './ecs.ts';
import { jsonLines } from './json-lines.ts';
import { ocsf } from './ocsf.ts';
import { otlp } from './otlp.ts';
import type { RecordFormat } from './record-format.ts';
import { rfc5424 } from './rfc5424.ts';

export const recordFormats = { json: jsonLines, csv, ocsf, ecs, cef, rfc5424, otlp } satisfies Record<
  string,
  RecordFormat
>;
export type FormatName = keyof typeof recordFormats;

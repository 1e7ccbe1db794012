/** JSON lines: the record as it is, one a line. */
import { lineFormat } from './record-format.ts';
import { toExactJson } from './safe-text.ts';

export const jsonLines = lineFormat({
  about: 'JSON lines: the record as it is',
  extension: 'jsonl',
  contentType: 'application/x-ndjson',
  one: toExactJson,
});

/**
 * Elasticsearch and OpenSearch: `POST /_bulk` of `create`, which data streams want, with the record's id as the document's: a
 * double is a conflict, and so no double.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { RecordFormat } from '../log/formats/record-format.ts';
import { toJson } from '../log/formats/safe-text.ts';
import { type HttpAnswer, type HttpPost, notNow, said } from './http-post.ts';
import { parsedAs } from './parsed-as.ts';
import { type Outcome, type Sender, type TargetSecrets, type TargetSettings, Trouble } from './target.ts';

export function bulkLines(records: readonly AccessRecord[], index: string, format: RecordFormat): string {
  return records
    .map((record) => `${toJson({ create: { _index: index, _id: record.id } })}\n${format.one(record)}\n`)
    .join('');
}

export interface ElasticsearchParts {
  readonly http: HttpPost;
  readonly settings: TargetSettings;
  readonly secrets: TargetSecrets;
  readonly format: RecordFormat;
}

export function elasticsearchSender({ http, settings, secrets, format }: ElasticsearchParts): Sender {
  const { authorization } = secrets;
  const place = new URL(settings.url!);
  if (!place.pathname.endsWith('/_bulk')) place.pathname = `${place.pathname.replace(/\/$/, '')}/_bulk`;
  // A short answer: what is good about an item does not matter.
  place.searchParams.set('filter_path', 'errors,items.*.status,items.*.error.type,items.*.error.reason');
  const headers = { 'content-type': 'application/x-ndjson', ...(authorization === undefined ? {} : { authorization }) };
  return {
    async send(records, signal) {
      const body = bulkLines(records, settings.index!, format);
      return readBulkAnswer(await http.post(place, headers, body, signal), records.length);
    },
    close: () => http.close(),
  };
}

interface Item {
  readonly status?: unknown;
  readonly error?: { readonly type?: unknown; readonly reason?: unknown };
}

const taken = new Set([200, 201, 409]);
/** 400: the document fits no mapping; 413: it is too large. Anything else is about the index, the credentials or the moment. */
const onContent = new Set([400, 413]);

export function readBulkAnswer(answer: HttpAnswer, sent: number): Outcome {
  if (answer.status === 413) throw new Trouble(said(answer), { content: true });
  if (answer.status !== 200) throw notNow(answer);
  const { errors, items } = parsedAs<{ errors: boolean; items: { create?: Item }[] }>(answer.body);
  if (!Array.isArray(items) || items.length !== sent)
    throw new Trouble(`it answered 200 with ${Array.isArray(items) ? items.length : 'no'} items for ${sent}`);
  if (errors === false) return { settled: sent };
  const refused: { index: number; why: string }[] = [];
  for (const [index, item] of items.entries()) {
    const { status, error } = item?.create ?? {};
    if (taken.has(Number(status))) continue;
    const why = `${status} ${error?.type ?? ''}: ${error?.reason ?? ''}`.slice(0, 160);
    if (onContent.has(Number(status))) refused.push({ index, why });
    // What stands behind it and was taken is sent again, and is a conflict then.
    else return { settled: index, refused, rest: new Trouble(`it answered for a record ${why}`) };
  }
  return { settled: sent, refused };
}

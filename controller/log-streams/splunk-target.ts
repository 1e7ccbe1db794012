/** Splunk's HTTP Event Collector: events one after another, `POST /services/collector/event`. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { toJson } from '../log/formats/safe-text.ts';
import { type HttpAnswer, type HttpPost, notNow, said } from './http-post.ts';
import { parsedAs } from './parsed-as.ts';
import { type Outcome, type Sender, type TargetSecrets, type TargetSettings, Trouble } from './target.ts';

/** The id stands in an indexed field too, by which a search drops doubles: `dedup record_id`. */
export function hecEvent(record: AccessRecord, index: string | undefined): string {
  return toJson({
    time: record.time / 1000,
    host: record.gateway ?? 'controller',
    source: 'postern',
    sourcetype: 'postern:record',
    ...(index === undefined ? {} : { index }),
    event: record,
    fields: { record_id: record.id },
  });
}

export function splunkSender(http: HttpPost, { url, index }: TargetSettings, { token }: TargetSecrets): Sender {
  const place = new URL(url!);
  if (!place.pathname.includes('/services/collector')) place.pathname = '/services/collector/event';
  const headers = { 'content-type': 'application/json', authorization: `Splunk ${token}` };
  return {
    async send(records, signal) {
      const body = records.map((record) => hecEvent(record, index)).join('\n');
      return readHecAnswer(await http.post(place, headers, body, signal), records.length);
    },
    close: () => http.close(),
  };
}

/** Codes on what an event is: invalid format, no or a blank event, indexed fields. A wrong index or token is the target's settings. */
const onContent = new Set([6, 12, 13, 15]);

export function readHecAnswer(answer: HttpAnswer, sent: number): Outcome {
  const { code } = parsedAs<{ code: number }>(answer.body);
  if (answer.status === 200 && code === 0) return { settled: sent };
  const isContent = (answer.status === 400 && onContent.has(Number(code))) || answer.status === 413;
  if (isContent) throw new Trouble(said(answer), { content: true });
  throw notNow(answer);
}

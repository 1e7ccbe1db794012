/** OTLP over HTTP as JSON (opentelemetry-proto, docs/specification.md): `POST /v1/logs`. */
import { otlp } from '../log/formats/otlp.ts';
import { type HttpAnswer, type HttpPost, notNow, said } from './http-post.ts';
import { parsedAs } from './parsed-as.ts';
import { type Outcome, type Sender, type TargetSecrets, type TargetSettings, Trouble } from './target.ts';

export function otlpSender(http: HttpPost, { url }: TargetSettings, { authorization }: TargetSecrets): Sender {
  const place = new URL(url!);
  if (!place.pathname.endsWith('/v1/logs')) place.pathname = `${place.pathname.replace(/\/$/, '')}/v1/logs`;
  const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
  return {
    async send(records, signal) {
      return readOtlpAnswer(await http.post(place, headers, otlp.lines(records), signal), records.length);
    },
    close: () => http.close(),
  };
}

/** A partial success must not be sent again, and does not say which records it is about. 400 is the one status on content. */
export function readOtlpAnswer(answer: HttpAnswer, sent: number): Outcome {
  if (answer.status === 200) {
    const { partialSuccess } = parsedAs<{ partialSuccess?: { rejectedLogRecords?: unknown; errorMessage?: unknown } }>(
      answer.body,
    );
    const count = Number(partialSuccess?.rejectedLogRecords ?? 0);
    if (!(count > 0)) return { settled: sent };
    const why = String(partialSuccess?.errorMessage ?? 'rejected').slice(0, 160);
    if (sent === 1) return { settled: 1, refused: [{ index: 0, why }] };
    return { settled: sent, unnamed: { count: Math.min(count, sent), why } };
  }
  if (answer.status === 400 || answer.status === 413) throw new Trouble(said(answer), { content: true });
  throw notNow(answer);
}

/** Checkpoints to a URL, as the note itself, and to a syslog receiver, as a message whose JSON holds the note. */
import { newTrace, randomId } from '#shared/base/bytes.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { jsonLines } from '../log/formats/json-lines.ts';
import { type HttpPost, notNow } from '../log-streams/http-post.ts';
import type { SyslogSender } from '../log-streams/syslog-target.ts';
import type { TargetSecrets } from '../log-streams/target.ts';
import type { Anchor, AnchorSettings, Published } from './anchor.ts';

export const noteType = 'text/plain; charset=utf-8';

export function urlAnchor(http: HttpPost, { url }: AnchorSettings, { authorization }: TargetSecrets): Anchor {
  const headers = { 'content-type': noteType, ...(authorization === undefined ? {} : { authorization }) };
  return {
    async put({ checkpoint }, signal) {
      const answer = await http.post(new URL(url!), headers, checkpoint, signal);
      if (answer.status < 200 || answer.status > 299) throw notNow(answer);
      return '';
    },
    close: () => http.close(),
  };
}

export const syslogFormat = jsonLines;

export function syslogAnchor(sender: SyslogSender): Anchor {
  return {
    async put(published, signal) {
      try {
        await sender.send([asRecord(published)], signal);
        await sender.confirm();
        return '';
      } finally {
        sender.close();
      }
    },
    close: () => sender.close(),
  };
}

/** In the form of what streams send there, so that its readers need no other. It is no record: the log does not hold it. */
function asRecord({ origin, size, root, checkpoint, time }: Published): AccessRecord {
  return {
    id: `rec_${randomId(20)}`,
    time,
    kind: 'log',
    event: 'checkpoint',
    phase: 'single',
    trace: newTrace(),
    verdict: 'none',
    reasons: [],
    details: { origin, size, root, checkpoint },
  };
}

/** A sender for each kind of target. */
import { join } from 'node:path';
import { recordFormats } from '../log/formats/index.ts';
import { elasticsearchSender } from './elasticsearch-target.ts';
import { FileSender } from './file-target.ts';
import { HttpPost } from './http-post.ts';
import { otlpSender } from './otlp-target.ts';
import { splunkSender } from './splunk-target.ts';
import type { StreamOrder } from './stream-order.ts';
import { SyslogSender } from './syslog-target.ts';
import type { Sender } from './target.ts';

/** `streams`: the directory under which files are written. Dials nothing yet. */
export function openSender({ name, kind, format: form, settings, secrets }: StreamOrder, streams: string): Sender {
  const format = recordFormats[form];
  const http = () => new HttpPost(settings, secrets);
  switch (kind) {
    case 'syslog':
      return new SyslogSender(settings, secrets, format);
    case 'otlp':
      return otlpSender(http(), settings, secrets);
    case 'splunk':
      return splunkSender(http(), settings, secrets);
    case 'elasticsearch':
      return elasticsearchSender({ http: http(), settings, secrets, format });
    case 'file':
      return new FileSender({ dir: join(streams, name), format, settings });
  }
}

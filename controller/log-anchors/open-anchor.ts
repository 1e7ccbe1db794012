/** An anchor of each kind. Dials nothing yet. */
import type { NoteKey } from '#shared/log/note-key.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { HttpPost } from '../log-streams/http-post.ts';
import { SyslogSender } from '../log-streams/syslog-target.ts';
import type { Anchor, AnchorOrder } from './anchor.ts';
import { anchorFile, FileAnchor } from './file-anchor.ts';
import { syslogAnchor, syslogFormat, urlAnchor } from './sent-anchors.ts';
import { witnessAnchor } from './witness-anchor.ts';

export interface OpenAnchorParts {
  /** The state directory. */
  readonly dir: string;
  readonly logKeys: () => Promise<readonly NoteKey[]>;
  readonly prove: (from: number, to: number) => Promise<readonly Uint8Array[]>;
  /** What stands there last. */
  readonly signed: () => { readonly origin: string; readonly size: number };
}

export function openAnchor({ name, kind, settings, secrets }: AnchorOrder, parts: OpenAnchorParts): Anchor {
  switch (kind) {
    case 'file':
      return new FileAnchor(anchorFile(parts.dir, name));
    case 'syslog':
      return syslogAnchor(new SyslogSender(settings, secrets, syslogFormat));
    case 'url':
      return urlAnchor(new HttpPost(settings, secrets), settings, secrets);
    case 'witness': {
      const key = parseNoteKey(settings.witnessKey!);
      return witnessAnchor({ ...parts, http: new HttpPost(settings, secrets), settings, secrets, key });
    }
  }
}

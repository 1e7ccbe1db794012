/** What an evidence bundle is made of. That it was taken, and what it was, is on record (P34). */

import { randomId } from '#shared/base/bytes.ts';
import type { adminEvidence } from '#shared/contracts/admin-evidence.ts';
import { writeNdjson } from '#shared/wire/ndjson.ts';
import { appendRecord } from '../log/append-record.ts';
import { proveRecord } from '../log/prove-record.ts';
import { readEvidence } from '../log/read-evidence.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function evidenceHandlers(parts: AdminParts): HandlersOf<typeof adminEvidence> {
  const { db, clock } = parts;
  return {
    async evidence({ query, caller, start }) {
      await recordAdmin(db, clock.now(), caller, { event: 'evidence-read', kind: 'log', details: query });
      const evidence = readEvidence(parts, query);
      // What cannot begin is refused before the head of the answer is out.
      const first = await evidence.next();
      const lines = writeNdjson(start());
      if (first.done !== true) lines.send(first.value);
      for await (const line of evidence) {
        if (!lines.send(line)) return;
        await lines.drained();
      }
    },

    async sealEvidence({ body, caller: { actor, trace } }) {
      const id = `rec_${randomId(20)}`;
      await appendRecord(db, clock.now(), { id, kind: 'log', event: 'bundle-sealed', actor, trace, details: body });
      return proveRecord(parts, id);
    },
  };
}

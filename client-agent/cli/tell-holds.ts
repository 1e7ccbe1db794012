/** Says on standard error when a connection to an app waits for the person (`connect`, `ssh-proxy`). */
import type { CliIo } from '#shared/base/cli.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import type { Hold, LocalEvent } from '../agent-api.ts';
import type { Control } from '../control/open-control.ts';
import { commandFor } from './words.ts';

/** `place`: from `placeOf`. Returns the way to stop. */
export function tellHolds({ calls }: Control, app: string, io: CliIo, place: string): () => void {
  const abort = new AbortController();
  const follow = async () => {
    const bytes = await calls.events({ signal: abort.signal });
    for await (const event of readNdjson(bytes) as AsyncIterable<LocalEvent>) {
      if (event.type === 'hold' && event.hold.app === app) tell(event.hold, io, place);
    }
  };
  follow().catch((thrown: unknown) => {
    if (!abort.signal.aborted) io.err(`postern: no news from the agent: ${asPosternError(thrown).message}`);
  });
  return () => abort.abort();
}

function tell({ app, kind, code, detail, fixes, until }: Hold, io: CliIo, place: string): void {
  const left = Math.max(0, Math.round((until - Date.now()) / 1000));
  io.err(`postern: ${safeText(app)} waits for you, ${left} s more: ${safeText(detail ?? kind)}`);
  for (const { text } of fixes) io.err(`  - ${safeText(text)}`);
  io.err(`  Run in another terminal: ${commandFor({ kind, code })}${place}   or open the portal: postern open${place}`);
}

/**
 * What every access that passed the gates goes through, whatever carries it: live table, the use of a grant for one (P18), opening
 * record, the run itself, closing record. And the one way in which a refusal is recorded.
 */
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Forwarding, ForwardOutcome } from '#shared/wire/forward-types.ts';
import type { Ask, Refusal } from '../gates/ask.ts';
import type { LiveEntry } from '../grants/live-table.ts';
import { laterOf, openAccess, refusalRecord } from './access-records.ts';
import type { DataParts } from './data-parts.ts';
import { takeUse } from './take-use.ts';

export type OnBytes = (direction: 'up' | 'down', bytes: number) => void;

/** Records and counts a refusal; returns it as the error to answer with. */
export function refuseAsk(parts: DataParts, ask: Ask, refusal: Refusal, trace: string): PosternError {
  const { code, tell, extra } = refusal;
  parts.counters.add('requests', code);
  parts.records.refuse(
    refusalRecord({ id: parts.recordId(), ask, trace, at: parts.time(), gateway: parts.state().gateway }, code),
  );
  if (code === 'grant-key-unknown') parts.onUnknownKey();
  return new PosternError(code, undefined, {
    ...(tell === undefined ? {} : { tell }),
    ...(extra === undefined ? {} : { extra }),
  });
}

/**
 * `start` begins the run; it is called after the opening record is written, and only if nothing was taken back meanwhile.
 * An outcome with `error` may still have to be answered with it. `at`: the controller's time at which the gates were passed.
 */
export async function runRecorded(
  parts: DataParts,
  ask: Ask,
  { trace, at: startedAt }: { readonly trace: string; readonly at: number },
  start: (entry: LiveEntry, onBytes: OnBytes) => Forwarding,
): Promise<ForwardOutcome> {
  const { claims, kid, app, canonical } = ask.found;
  if (claims === undefined || kid === undefined || app === undefined) throw new Error('the gates established nothing');
  const { live, records, usage } = parts;
  const bytes = { up: 0, down: 0 };
  const access = openAccess({ id: parts.recordId(), ask, trace, at: startedAt, gateway: parts.state().gateway });
  let isOpen = false;
  const close = (phase: 'progress' | 'closing', outcome: ForwardOutcome | undefined) => {
    if (!isOpen) return;
    const at = parts.time();
    const sums = { bytesUp: bytes.up, bytesDown: bytes.down, durationMs: at - startedAt };
    const { ended, status, error } = outcome ?? { ended: 'running' };
    records.close(
      access,
      laterOf(access, { id: parts.recordId(), phase, at }, { ...sums, ended, status, code: error?.code }),
    );
  };

  const entry = live.enter(
    {
      claims,
      kid,
      ruled: { request: canonical, address: ask.address },
      onProgress: () => close('progress', undefined),
    },
    startedAt,
  );
  const endUse = usage.begin(app, claims.did, startedAt);
  try {
    const unusable = claims.use === 'once' ? await takeUse(parts, claims) : undefined;
    if (unusable !== undefined) return refused(refuseAsk(parts, ask, { code: unusable }, trace));
    try {
      await records.open(access);
      isOpen = true;
    } catch (cause) {
      // The spool tells the log why, once. Where it takes refusals still, this one is on record.
      refuseAsk(parts, ask, { code: 'record-failed' }, trace);
      return refused(new PosternError('record-failed', undefined, { cause }));
    }
    const outcome = entry.cutBy === undefined ? await runOne(entry, bytes, start) : refused(entry.cutBy);
    parts.counters.add('requests', outcome.error?.code ?? 'allow');
    close('closing', outcome);
    if (outcome.error === undefined || !entry.wasSent) return outcome;
    return { ...outcome, error: sayForwarded(outcome.error) };
  } finally {
    endUse();
    live.leave(entry);
  }
}

function runOne(
  entry: LiveEntry,
  bytes: { up: number; down: number },
  start: (entry: LiveEntry, onBytes: OnBytes) => Forwarding,
): Promise<ForwardOutcome> {
  let forwarding: Forwarding;
  try {
    forwarding = start(entry, (direction, count) => {
      bytes[direction] += count;
    });
  } catch (error) {
    return Promise.resolve(refused(asPosternError(error)));
  }
  entry.running = forwarding;
  if (entry.cutBy !== undefined) forwarding.cut(entry.cutBy);
  return forwarding.done;
}

/** The agent must know when the app may have had it: then nothing but the person may send it once more. */
function sayForwarded(error: PosternError): PosternError {
  const { code, message, tell, extra } = error;
  const said = { extra: { ...extra, forwarded: true }, cause: error };
  return new PosternError(code, message, tell === undefined ? said : { ...said, tell });
}

const refused = (error: PosternError): ForwardOutcome => ({ ended: 'refused', bytesUp: 0, bytesDown: 0, error });

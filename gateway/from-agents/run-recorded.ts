/**
 * What every access that passed the gates goes through, whatever carries it: live table, the use of a grant for one (P18), opening
 * record, the run itself, closing record. And the one way in which a refusal is recorded.
 *
 * Each step is called by what it waited for: as promises they took more than a microsecond of each request.
 */
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Forwarding, ForwardOutcome } from '#shared/wire/forward-types.ts';
import type { Ask, Refusal } from '../gates/ask.ts';
import type { LiveEntry } from '../grants/live-table.ts';
import type { OpenAccess, Opening } from '../record-sink.ts';
import { laterOf, openAccess, refusalRecord } from './access-records.ts';
import type { DataParts } from './data-parts.ts';
import { takeUse } from './take-use.ts';

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

/** One access as its run sees it. */
export interface Run {
  readonly entry: LiveEntry;
  /** Body bytes that went by; `up`: to the app. */
  onBytes(direction: 'up' | 'down', bytes: number): void;
  /** The run has ended; once. */
  onEnd(outcome: ForwardOutcome): void;
}

export interface RunOrder {
  readonly trace: string;
  /** The controller's time at which the gates were passed. */
  readonly at: number;
  /** Begins the run; called after the opening record is written, and only if nothing was taken back meanwhile. */
  readonly start: (run: Run) => Pick<Forwarding, 'cut'>;
  /** Called once, when all is over and recorded. An outcome with `error` may still have to be answered with it. */
  readonly onEnd: (outcome: ForwardOutcome) => void;
}

/** Throws before anything has begun, or not at all. */
export function runRecorded(parts: DataParts, ask: Ask, order: RunOrder): void {
  const { claims, kid, app } = ask.found;
  if (claims === undefined || kid === undefined || app === undefined) throw new Error('the gates established nothing');
  new RecordedRun(parts, ask, order, claims, kid).begin();
}

class RecordedRun implements Run, Opening {
  readonly entry: LiveEntry;
  readonly #parts: DataParts;
  readonly #ask: Ask;
  readonly #order: RunOrder;
  readonly #access: OpenAccess;
  readonly #endUse: () => void;
  #bytesUp = 0;
  #bytesDown = 0;
  #isOpen = false;
  #isOver = false;

  constructor(parts: DataParts, ask: Ask, order: RunOrder, claims: GrantClaims, kid: string) {
    const { trace, at } = order;
    this.#parts = parts;
    this.#ask = ask;
    this.#order = order;
    this.#access = openAccess({ id: parts.recordId(), ask, trace, at, gateway: parts.state().gateway });
    const ruled = { request: ask.found.canonical, address: ask.address };
    this.entry = parts.live.enter({ claims, kid, ruled, onProgress: () => this.#record('progress', running) }, at);
    this.#endUse = parts.usage.begin(ask.found.app!, claims.did, at);
  }

  begin(): void {
    const { claims } = this.entry;
    if (claims.use !== 'once') this.#open();
    else this.#openOnce(claims);
  }

  #openOnce(claims: GrantClaims): void {
    takeUse(this.#parts, claims)
      .then((unusable) => (unusable === undefined ? this.#open() : this.#end(refused(this.#refuse(unusable)))))
      .catch((error: unknown) => this.#fail(error));
  }

  onBytes(direction: 'up' | 'down', bytes: number): void {
    if (direction === 'up') this.#bytesUp += bytes;
    else this.#bytesDown += bytes;
  }

  onOpened(): void {
    this.#isOpen = true;
    const { entry } = this;
    if (entry.cutBy !== undefined) {
      this.#end(refused(entry.cutBy));
      return;
    }
    try {
      const forwarding = this.#order.start(this);
      if (this.#isOver) return;
      entry.running = forwarding;
      if (entry.cutBy !== undefined) forwarding.cut(entry.cutBy);
    } catch (error) {
      this.#end(refused(asPosternError(error)));
    }
  }

  onUnopened(cause: PosternError): void {
    // The spool tells the log why, once. Where it takes refusals still, this one is on record.
    this.#refuse('record-failed');
    this.#end(refused(new PosternError('record-failed', undefined, { cause })));
  }

  onEnd(outcome: ForwardOutcome): void {
    this.#end(outcome);
  }

  #open(): void {
    this.#parts.records.open(this.#access, this);
  }

  #refuse(code: 'grant-used' | 'record-failed'): PosternError {
    return refuseAsk(this.#parts, this.#ask, { code }, this.#order.trace);
  }

  #fail(error: unknown): void {
    this.#logFailed(error);
    this.#end(refused(asPosternError(error)));
  }

  /** Whoever tells of the end is in the middle of something else: what goes wrong here must not go wrong there. */
  #end(outcome: ForwardOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { error } = outcome;
    try {
      if (this.#isOpen) this.#parts.counters.add('requests', error?.code ?? 'allow');
      this.#record('closing', outcome);
    } catch (thrown) {
      this.#logFailed(thrown);
    }
    // Whatever failed before: it is over, and no stop waits for it.
    this.#endUse();
    this.#parts.live.leave(this.entry);
    try {
      const isTold = error === undefined || !this.entry.wasSent;
      this.#order.onEnd(isTold ? outcome : { ...outcome, error: sayForwarded(error) });
    } catch (thrown) {
      this.#logFailed(thrown);
    }
  }

  #logFailed(err: unknown): void {
    this.#parts.log.error({ err, trace: this.#order.trace }, 'an access failed inside the gateway');
  }

  #record(phase: 'progress' | 'closing', { ended, status, error }: Ended): void {
    if (!this.#isOpen) return;
    const { recordId, records, time } = this.#parts;
    const at = time();
    const sums = { bytesUp: this.#bytesUp, bytesDown: this.#bytesDown, durationMs: at - this.#order.at };
    const facts = { id: recordId(), phase, at };
    records.tellLater(this.#access, laterOf(this.#access, facts, { ...sums, ended, status, code: error?.code }));
  }
}

type Ended = { readonly ended: string } & Pick<ForwardOutcome, 'status' | 'error'>;
const running: Ended = { ended: 'running' };

/** The agent must know when the app may have had it: then nothing but the person may send it once more. */
function sayForwarded(error: PosternError): PosternError {
  const { code, message, tell, extra } = error;
  const said = { extra: { ...extra, forwarded: true }, cause: error };
  return new PosternError(code, message, tell === undefined ? said : { ...said, tell });
}

const refused = (error: PosternError): ForwardOutcome => ({ ended: 'refused', bytesUp: 0, bytesDown: 0, error });

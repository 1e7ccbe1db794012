/**
 * Asks the controller every few seconds for the newest checkpoint of the log and keeps it, if it goes on from the one that is kept (P35).
 * What contradicts it never replaces it: both are kept as evidence, and the alarm goes on until an operator of this gateway has looked.
 * A controller that shows nothing, or does not answer, is no alarm; how long it is since the last good one is to be seen.
 */
import { second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { type Checkpoint, parseCheckpointText } from '#shared/log/checkpoint.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import type { ControllerLink } from '../to-controller/controller-link.ts';
import { followOpened, judgeShown } from './judge-shown.ts';
import { evidenceOf, type Kept, keepEvidence, listEvidence, readKept, writeKept } from './kept-file.ts';

export interface WatchParts {
  /** State directory of the gateway. */
  readonly dir: string;
  readonly link: { readonly client: Pick<ControllerLink['client'], 'checkpoint'> };
  readonly log: Log;
  readonly tell: (event: RecordEvent<'gateway'>, details: Record<string, unknown>) => void;
  readonly everyMs?: number;
}

export interface LogState {
  /** `unpinned`: there is no key to hold anything against. `inconsistent`: the controller contradicted what is kept. */
  readonly state: 'kept' | 'empty' | 'unpinned' | 'inconsistent';
  /** Leaves of the checkpoint that is kept. */
  readonly size: number;
  /** Since the controller last showed a good one; absent when it has not since this start. */
  readonly ageSeconds?: number;
}

const usualMs = 10 * second;

export class LogWatch {
  readonly #parts: WatchParts;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #kept: Kept | undefined;
  #cases = 0;
  #goodAt: number | undefined;
  #complaint = '';
  #begun = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    try {
      this.#read();
    } catch (error) {
      this.#complain(error);
    }
  }

  begin(): void {
    this.#begun = true;
    if (this.#cases > 0)
      this.#parts.log.error(
        { cases: this.#cases, evidence: evidenceOf(this.#parts.dir) },
        'ALARM: the controller has shown a log that does not go on from the one kept here; move the evidence away once you have looked',
      );
    this.#plan(0);
  }

  /** A controller is there again: it is told what is kept before anything else comes of it. */
  soon(): void {
    if (this.#begun) this.#plan(0);
  }

  state(): LogState {
    const size = this.#kept?.checkpoint === undefined ? 0 : placeOf(this.#kept.checkpoint).size;
    const age =
      this.#goodAt === undefined ? {} : { ageSeconds: Math.round((performance.now() - this.#goodAt) / second) };
    if (this.#cases > 0) return { state: 'inconsistent', size, ...age };
    if (this.#kept === undefined) return { state: 'unpinned', size, ...age };
    return { state: this.#kept.checkpoint === undefined ? 'empty' : 'kept', size, ...age };
  }

  /** One look now. Never rejects. */
  look(): Promise<void> {
    this.#running ??= this.#look()
      .then(
        () => {
          this.#complaint = '';
        },
        (error: unknown) => this.#complain(error),
      )
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ended.abort();
    await this.#running;
  }

  #plan(ms: number): void {
    if (this.#ended.signal.aborted) return;
    const { everyMs = usualMs } = this.#parts;
    clearTimeout(this.#timer);
    // A fleet that was started together must not ask together.
    this.#timer = setTimeout(() => void this.look().then(() => this.#plan(everyMs * (0.8 + Math.random() * 0.4))), ms);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { dir, link } = this.#parts;
    this.#read();
    const kept = this.#kept;
    if (kept === undefined) throw new Error(`nothing in ${dir} says by which key the log is signed: join again`);
    const { signal } = this.#ended;
    const log = parseNoteKey(kept.key).name;
    const body = kept.checkpoint === undefined ? { log } : { log, kept: kept.checkpoint };
    const shown = await link.client.checkpoint({ body, signal });
    const followed = followOpened(kept, shown.opened);
    const verdict = judgeShown(followed.kept, shown);
    // An operator may have said something else meanwhile: theirs stands.
    if (readKept(dir)?.key !== kept.key) return;
    if (followed.declared.length > 0) this.#replaced(kept, followed);
    if (verdict.t === 'contradicts') return this.#contradicted(followed.kept, shown.checkpoint!, verdict);
    if (verdict.t === 'take') this.#keep(verdict.kept);
    if (shown.checkpoint !== undefined) this.#goodAt = performance.now();
  }

  #keep(kept: Kept): void {
    writeKept(this.#parts.dir, kept);
    this.#kept = kept;
  }

  /** The files are what counts: an operator may pin another key, or move evidence away, while this runs. */
  #read(): void {
    const { dir, log } = this.#parts;
    const before = this.#kept;
    this.#kept = undefined;
    this.#kept = readKept(dir);
    this.#cases = listEvidence(dir).length;
    if (before === undefined || this.#kept === undefined || before.key === this.#kept.key) return;
    log.warn(
      { former: before.key, key: this.#kept.key },
      'another log is followed, as an operator of this gateway said',
    );
    this.#parts.tell('log-replaced', { by: 'operator', ...formerOf(before), key: this.#kept.key });
  }

  #replaced(before: Kept, { kept, declared }: ReturnType<typeof followOpened>): void {
    const { log, tell } = this.#parts;
    this.#keep(kept);
    const told = declared.map(({ key, former, known }) => ({
      log: key.name,
      former: show(former),
      known: show(known ?? former),
    }));
    log.warn(
      { ...formerOf(before), declared: told },
      'ALARM: the controller has opened another log, and named this one',
    );
    tell('log-replaced', { by: 'declared', ...formerOf(before), declared: told, key: kept.key });
  }

  #contradicted(kept: Kept, shown: string, { why, text }: { readonly why: string; readonly text: string }): void {
    const { dir, log, tell } = this.#parts;
    const isNew = keepEvidence(dir, { why, kept: kept.checkpoint, shown });
    this.#cases = listEvidence(dir).length;
    if (!isNew) return;
    const places = { ...formerOf(kept), shown: showNote(shown) };
    log.error(
      { why, text, ...places, evidence: evidenceOf(dir) },
      'ALARM: the controller shows a log that does not go on from the one kept here: records were removed or rewritten',
    );
    tell('log-inconsistent', { why, text, ...places });
  }

  #complain(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    const { message } = asPosternError(error);
    // It is tried again; what fails each time is told once.
    if (message !== this.#complaint) this.#parts.log.warn({ err: error }, 'no checkpoint of the log could be had');
    this.#complaint = message;
  }
}

const placeOf = (note: string): Checkpoint => parseCheckpointText(parseNote(note).text);
const show = ({ origin, size, root }: Checkpoint) => ({ log: origin, size, root: root.toString('base64') });

function showNote(note: string): Record<string, unknown> {
  try {
    return show(placeOf(note));
  } catch {
    return { unreadable: true };
  }
}

const formerOf = ({ key, checkpoint }: Kept) => ({
  kept: checkpoint === undefined ? { key } : showNote(checkpoint),
});

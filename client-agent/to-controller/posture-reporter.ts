/**
 * Reports posture, signed by the device key and numbered: when something has changed, every `postureSeconds`, and when the
 * controller or a person wants it. Looking is `watchPosture`'s.
 */
import { type Clock, minute, second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { PostureCheck } from '#shared/contracts/posture.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import type { PostureDesk, PostureShown } from '../agent-api.ts';
import type { Keystore } from '../keystore/keystore.ts';
import { type CollectedCheck, runChecks } from '../posture/checks.ts';
import type { Host } from '../posture/host.ts';
import { buildReport, signReport } from '../posture/report.ts';
import type { ReportSequence } from '../posture/report-sequence.ts';
import { type Posture, type PostureWatch, watchPosture } from '../posture/watch.ts';
import type { ControllerLink } from './controller-link.ts';

export type DeviceShown = AnswerOf<(typeof agentToController)['device']>;

export interface ReporterOptions {
  readonly host: Host;
  readonly allowListFile: string;
  /** Milliseconds between two looks at the quick facts. */
  readonly lookMs: number;
  readonly keystore: Keystore;
  readonly sequence: ReportSequence;
  readonly link: ControllerLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDevice: (device: DeviceShown) => void;
  readonly onReported: (posture: PostureShown) => void;
}

const usualMs = 5 * minute;
const retryMs = 30 * second;
const fullMs = 10 * minute;
/** A timer may fire a moment before the clock says so. */
const timerSlackMs = 5;

export class PostureReporter implements PostureDesk {
  readonly #options: ReporterOptions;
  #watch: PostureWatch | undefined;
  #last: PostureShown | undefined;
  #checks: readonly PostureCheck[] = [];
  #everyMs = usualMs;
  #dueAt = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Told by every look that begins after it was set. */
  #isWanted = false;
  #asked: Promise<PostureShown> | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Looks and reports for the first time, and goes on. */
  start(): void {
    const { host, log, allowListFile, lookMs } = this.#options;
    this.#watch ??= watchPosture({
      host,
      log,
      checks: () => this.#checks,
      allowListFile,
      quickMs: lookMs,
      fullMs,
      onLook: (posture, changed) => this.#onLook(posture, changed),
    });
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
    clearTimeout(this.#timer);
  }

  last(): PostureShown | undefined {
    return this.#last;
  }

  /** Reports when it is time; never rejects. */
  async tick(): Promise<void> {
    if (this.#watch === undefined || this.#options.clock.now() < this.#dueAt) return;
    try {
      await this.reportNow();
    } catch (thrown) {
      this.#options.log.debug({ err: asPosternError(thrown) }, 'no posture was reported');
    }
  }

  /** After a wake, a sign-in, a hint of the controller: the next tick reports. */
  wanted(): void {
    this.#dueAt = 0;
  }

  /** What could not be sent is in `failure`; rejects only when the agent stops before its first look. */
  reportNow(): Promise<PostureShown> {
    this.#asked ??= this.#look().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #look(): Promise<PostureShown> {
    this.start();
    // Not by `#dueAt`, which a look that is under way would put off again when it ends.
    this.#isWanted = true;
    try {
      await this.#watch!.lookNow();
    } catch (thrown) {
      this.#options.log.debug({ err: asPosternError(thrown) }, 'the posture asked for could not be reported');
    }
    if (this.#last !== undefined) return this.#last;
    throw new PosternError('unavailable', 'the agent is stopping');
  }

  /** The ticks are seconds apart; an interval that the organisation set is kept to the moment, by a timer. */
  #due(inMs: number): void {
    this.#dueAt = this.#options.clock.now() + inMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.tick(), inMs + timerSlackMs).unref();
  }

  /** Rejects when it could not be sent: the watch then tells the same change again. */
  async #onLook(posture: Posture, changed: boolean): Promise<void> {
    const { clock, log, onReported } = this.#options;
    if (!changed && !this.#isWanted && clock.now() < this.#dueAt) return;
    this.#isWanted = false;
    let { checks } = posture;
    try {
      checks = await this.#askWhat(checks);
      const sent = await this.#send(posture.facts, checks);
      this.#due(this.#everyMs);
      this.#last = this.#shown({ facts: posture.facts, checks }, sent);
      onReported(this.#last);
    } catch (thrown) {
      const failure = asPosternError(thrown);
      log.warn({ problem: failure.code, why: failure.message }, 'posture could not be reported');
      this.#due(retryMs);
      this.#last = this.#shown({ facts: posture.facts, checks }, { failure, judged: [] });
      onReported(this.#last);
      throw failure;
    }
  }

  /** Which checks are wanted now: those that are new are run for this very report. */
  async #askWhat(checks: readonly CollectedCheck[]): Promise<readonly CollectedCheck[]> {
    const { link, host, allowListFile, onDevice } = this.#options;
    const device = await link.calls.device();
    link.heardTime(device.time);
    this.#everyMs = device.postureSeconds * second;
    onDevice(device);
    if (JSON.stringify(device.checks) === JSON.stringify(this.#checks)) return checks;
    this.#checks = device.checks;
    return runChecks({ host, checks: this.#checks, allowListFile });
  }

  async #send(facts: Posture['facts'], checks: readonly CollectedCheck[]): Promise<Sent> {
    const { keystore, sequence, link, host } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      const seq = await sequence.next();
      const report = signReport(buildReport({ facts, checks, seq, now: host.now() }), keystore.reportSigner());
      try {
        const { facts: judged } = await link.calls.posture({ body: { report } });
        return { seq, judged };
      } catch (thrown) {
        const last = lastSequence(thrown);
        if (attempt > 0 || last === undefined || last < seq) throw thrown;
        sequence.atLeast(last);
      }
    }
  }

  #shown({ facts, checks }: Posture, sent: Sent): PostureShown {
    const shownChecks = checks.map((one) => {
      const { title = one.id, fix } = this.#checks.find(({ id }) => id === one.id) ?? {};
      return { ...one, title, ...(fix === undefined ? {} : { fix }) };
    });
    return { reportedAt: this.#options.clock.now(), facts, checks: shownChecks, ...sent };
  }
}

type Sent = Pick<PostureShown, 'seq' | 'failure' | 'judged'>;

/** The controller's answer to a number that was used: the last one it took. */
function lastSequence(thrown: unknown): number | undefined {
  const last = thrown instanceof PosternError ? thrown.extra?.['lastSeq'] : undefined;
  return typeof last === 'number' && Number.isSafeInteger(last) ? last : undefined;
}

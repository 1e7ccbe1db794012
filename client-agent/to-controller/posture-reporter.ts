/** Collects posture, signs it, sends it: at start, every `postureSeconds`, when the controller or a person wants it. */
import { type Clock, second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import type { PostureDesk, PostureShown } from '../agent-api.ts';
import type { Keystore } from '../keystore/keystore.ts';
import { runChecks } from '../posture/checks.ts';
import { collect } from '../posture/collect.ts';
import type { Host } from '../posture/host.ts';
import { buildReport, signReport } from '../posture/report.ts';
import type { ReportSequence } from '../posture/report-sequence.ts';
import type { ControllerLink } from './controller-link.ts';

export type DeviceShown = AnswerOf<(typeof agentToController)['device']>;

export interface ReporterOptions {
  readonly host: Host;
  readonly allowListFile: string | undefined;
  readonly keystore: Keystore;
  readonly sequence: ReportSequence;
  readonly link: ControllerLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDevice: (device: DeviceShown) => void;
  readonly onReported: (posture: PostureShown) => void;
}

const usualSeconds = 300;
const retrySeconds = 30;

export class PostureReporter implements PostureDesk {
  readonly #options: ReporterOptions;
  #last: PostureShown | undefined;
  #running: Promise<PostureShown> | undefined;
  #again = false;
  #everyMs = usualSeconds * second;
  #dueAt = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  last(): PostureShown | undefined {
    return this.#last;
  }

  /** Reports when it is time; never rejects. */
  async tick(): Promise<void> {
    if (this.#options.clock.now() < this.#dueAt) return;
    await this.reportNow();
  }

  /** After a renewed network, a wake, a sign-in: the next tick reports. */
  wanted(): void {
    this.#dueAt = 0;
    if (this.#running !== undefined) this.#again = true;
  }

  /** Never rejects: what could not be sent is in `failure`. */
  reportNow(): Promise<PostureShown> {
    this.#running ??= this.#report().finally(() => {
      this.#running = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.#dueAt = 0;
    });
    return this.#running;
  }

  async #report(): Promise<PostureShown> {
    const { clock, log, link, host, allowListFile, onDevice, onReported } = this.#options;
    this.#dueAt = clock.now() + this.#everyMs;
    let wanted: DeviceShown | undefined;
    let failure: PosternError | undefined;
    try {
      wanted = await link.calls.device();
      link.heardTime(wanted.time);
      this.#everyMs = wanted.postureSeconds * second;
      this.#dueAt = clock.now() + this.#everyMs;
      onDevice(wanted);
    } catch (thrown) {
      failure = asPosternError(thrown);
    }
    const checks = wanted?.checks ?? [];
    const [facts, checked] = await Promise.all([
      collect({ host }),
      runChecks({ host, checks, ...(allowListFile === undefined ? {} : { allowListFile }) }),
    ]);
    const shownChecks = checked.map((one) => {
      const { title = one.id, fix } = checks.find(({ id }) => id === one.id) ?? {};
      return { ...one, title, ...(fix === undefined ? {} : { fix }) };
    });
    const seen = { reportedAt: clock.now(), facts, checks: shownChecks };
    let shown: PostureShown;
    try {
      if (failure !== undefined) throw failure;
      shown = { ...seen, ...(await this.#send(facts, checked)) };
    } catch (thrown) {
      failure = asPosternError(thrown);
      log.warn({ problem: failure.code, why: failure.message }, 'posture could not be reported');
      this.#dueAt = Math.min(this.#dueAt, clock.now() + retrySeconds * second);
      shown = { ...seen, failure, judged: [] };
    }
    this.#last = shown;
    onReported(shown);
    return shown;
  }

  async #send(
    facts: PostureShown['facts'],
    checks: PostureShown['checks'] | Parameters<typeof buildReport>[0]['checks'],
  ) {
    const { keystore, sequence, link, host } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      const seq = await sequence.next();
      const report = signReport(buildReport({ facts, checks, seq, now: host.now() }), keystore.reportSigner());
      try {
        const { facts: judged } = await link.calls.posture({ body: { report } });
        return { seq, judged };
      } catch (thrown) {
        // A lost counter file starts at 1: the controller says the last number it took.
        const last = lastSequence(thrown);
        if (attempt > 0 || last === undefined || last < seq) throw thrown;
        sequence.atLeast(last);
      }
    }
  }
}

function lastSequence(thrown: unknown): number | undefined {
  const extra = thrown instanceof PosternError ? thrown.extra : undefined;
  const last = extra?.['lastSeq'] ?? extra?.['last'] ?? extra?.['seq'];
  return typeof last === 'number' && Number.isSafeInteger(last) ? last : undefined;
}

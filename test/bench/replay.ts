/** Replay of recorded verdicts against a draft, as the controller runs it: in a thread of its own, beside a loop that must not wait. */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '#shared/base/clock.ts';
import { AnalysisDesk } from '../../controller/analysis/analysis-desk.ts';
import { tuesday } from '../support/policy-facts.ts';
import { type Bench, median, type Run, whole } from './measure.ts';
import { writeLog } from './replay-log.ts';

const verdicts = Number(process.env['BENCH_REPLAY_VERDICTS'] ?? 1_000_000);
const size = { verdicts, people: 1000, apps: 40, perSnapshot: 10 };
const rounds = 3;

const versionOf = (age: number) =>
  Array.from(
    { length: size.apps },
    (_, n) => `@id("app-${n}-staff") permit(principal in Group::"staff", action, resource == App::"app-${n}")
      when { context.session.secondFactorAge <= ${age} && context.device.firewallOn };`,
  ).join('\n');
/** Stricter for one app of forty, and it looks at requests, ages, the time and the network. */
const draftText = `${versionOf(900)}
@id("app-7-later") forbid(principal, action == Action::"request", resource == App::"app-7")
  when { context.request.path like "/pages/3*" && context.session.secondFactorAge >= 30 };
@id("inside") forbid(principal, action, resource in AppGroup::"internal")
  unless { context.network.address.isInRange(ip("10.0.0.0/8")) && context.time.weekday <= 7 };`;

async function measure(run: Run) {
  const file = join(run.dir, 'controller.db');
  run.tell(`writing ${whole(verdicts)} verdicts, a snapshot of facts for each ${size.perSnapshot}`);
  const to = await writeLog(file, size, tuesday, versionOf(3600));
  const desk = new AnalysisDesk({ file, timezone: 'UTC', clock: systemClock });
  run.defer(() => desk.stop());
  const samples: { seconds: number; cpu: number; delay: number }[] = [];
  let last = { flips: 0, undetermined: 0, questions: 0 };
  for (let round = 0; round < rounds; round += 1) {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const began = performance.now();
    const cpu = process.cpuUsage();
    delay.enable();
    const draft = { files: [{ id: 'draft', text: draftText }] };
    const analysis = await desk.begin('replay', { from: 0, to, limit: 100, draft });
    const result = await analysis.finish((done, total) => run.tell(`${Math.floor((done * 100) / total)} %`));
    delay.disable();
    const { user, system } = process.cpuUsage(cpu);
    if (result.verdicts !== verdicts) throw new Error(`${result.verdicts} verdicts were judged`);
    const { allowToDeny, denyToAllow, undetermined, questions } = result;
    last = { flips: allowToDeny + denyToAllow, undetermined, questions };
    samples.push({ seconds: (performance.now() - began) / 1000, cpu: (user + system) / 1e6, delay: delay.max / 1e6 });
    run.tell(
      `round ${round + 1}: ${samples.at(-1)!.seconds.toFixed(1)} s, processor ${samples.at(-1)!.cpu.toFixed(1)} s`,
    );
  }
  return { samples, last };
}

export const replay: Bench = {
  name: 'replay',
  about: `replay of ${whole(verdicts)} recorded verdicts against a draft, and what the loop beside it waits`,
  async run(run) {
    const { samples, last } = await measure(run);
    const seconds = median(samples.map((sample) => sample.seconds));
    const cpu = median(samples.map((sample) => sample.cpu));
    return [
      {
        what: `replay of ${whole(verdicts)} verdicts (${whole(last.questions)} different questions, ${whole(last.flips)} flips)`,
        measured: `${seconds.toFixed(1)} s, processor ${cpu.toFixed(1)} s`,
        beside: `${whole(verdicts / cpu)} per second of processor, all threads; ${whole(last.undetermined)} undetermined`,
      },
      {
        what: 'longest delay of the event loop beside it',
        measured: `${median(samples.map((sample) => sample.delay)).toFixed(1)} ms`,
        beside: 'timers of 5 ms, idle otherwise',
      },
    ];
  },
};

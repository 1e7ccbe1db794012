/**
 * `postern doctor`: every leg from this device to the apps, each looked at by its own means. With a running agent it is the agent's own
 * way that is looked at; without one, what can be told from outside.
 */
import type { CliCall } from '#shared/base/cli.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import type { DoctorLine } from '../agent-api.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { openControl } from '../control/open-control.ts';
import { troubleOf } from '../diagnosis/judge.ts';
import type { Trouble } from '../diagnosis/legs.ts';
import { lookAtLocal } from './look-at-local.ts';
import { lookAtNames } from './look-at-names.ts';
import { lookAtProfile, lookFromOutside } from './look-at-profile.ts';
import { directoryOf, placeOf, socketIn } from './with-agent.ts';

const limitMs = 2000;

/** 1 when a step fails. */
export async function runDoctorCommand(call: CliCall): Promise<number> {
  const directory = await directoryOf(call);
  const profile = lookAtProfile(directory);
  const control = openControl(socketIn(directory));
  let lines: DoctorLine[];
  try {
    lines = [...profile.lines, ...(await agentLines(control, directory, profile.enrolment))];
  } finally {
    await control.stop();
  }
  const trouble = troubleOf(lines);
  if (call.json) call.io.out(JSON.stringify({ lines, ...(trouble === undefined ? {} : { trouble }) }));
  else print(call, { lines, trouble, place: await placeOf(call) });
  return lines.some(({ ok }) => ok === false) ? 1 : 0;
}

async function agentLines(
  { calls }: ReturnType<typeof openControl>,
  directory: string,
  enrolment: ReturnType<typeof lookAtProfile>['enrolment'],
): Promise<DoctorLine[]> {
  let status: ControlStatus;
  try {
    status = await calls.status({ timeoutMs: limitMs });
  } catch (thrown) {
    const { message } = asPosternError(thrown);
    const down = { name: 'agent', ok: false, detail: `does not answer: ${message}`, fix: 'Start it: postern up' };
    const [outside, names] = await Promise.all([
      enrolment === undefined ? [] : lookFromOutside(enrolment),
      lookAtNames({ directory, local: undefined }),
    ]);
    return [down, ...outside, ...names];
  }
  const [doctor, local, names] = await Promise.all([
    calls.doctor(),
    lookAtLocal(status),
    lookAtNames({ directory, local: status.local, pid: status.pid }),
  ]);
  return [{ name: 'agent', ok: true, detail: `process ${status.pid}` }, ...doctor.lines, ...local, ...names];
}

interface Looked {
  readonly lines: readonly DoctorLine[];
  readonly trouble: Trouble | undefined;
  readonly place: string;
}

function print({ io }: CliCall, { lines, trouble, place }: Looked): void {
  const words = (ok: boolean | undefined) => (ok === undefined ? 'unclear' : ok ? 'good' : 'FAILS');
  io.out(printTable(lines.map(({ name, ok, detail }) => ({ step: name, result: words(ok), detail }))));
  if (trouble !== undefined) io.out(`\nThe first leg that fails: ${trouble.leg}. ${safeText(trouble.says)}`);
  const fixes = lines.filter(({ ok, fix }) => ok !== true && fix !== undefined);
  const where = place === '' ? '' : ` (with${place})`;
  if (fixes.length > 0) io.out(`\nWhat to do${where}:`);
  for (const { name, fix } of fixes) io.out(`  ${safeText(name)}: ${safeText(fix!)}`);
}

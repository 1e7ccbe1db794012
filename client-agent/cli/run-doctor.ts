/**
 * `postern doctor`: every step from this device to the apps, each looked at by its own means. With a running agent its own looks
 * come too; without one, what can be told from outside.
 */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { CliCall } from '#shared/base/cli.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import type { DoctorLine } from '../agent-api.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { openControl } from '../control/open-control.ts';
import { lookAtProfile, lookFromOutside } from './look-at-profile.ts';
import { directoryOf, socketIn } from './with-agent.ts';

const limitMs = 2000;

/** 1 when a step fails. */
export async function runDoctorCommand(call: CliCall): Promise<number> {
  const directory = await directoryOf(call);
  const profile = lookAtProfile(directory);
  const control = openControl(socketIn(directory));
  let lines: DoctorLine[];
  try {
    lines = [...profile.lines, ...(await agentLines(control, profile.enrolment))];
  } finally {
    await control.stop();
  }
  if (call.json) call.io.out(JSON.stringify({ lines }));
  else print(call, lines);
  return lines.some(({ ok }) => ok === false) ? 1 : 0;
}

async function agentLines(
  { calls }: ReturnType<typeof openControl>,
  enrolment: ReturnType<typeof lookAtProfile>['enrolment'],
): Promise<DoctorLine[]> {
  let status: ControlStatus;
  try {
    status = await calls.status({ timeoutMs: limitMs });
  } catch (thrown) {
    const { message } = asPosternError(thrown);
    const down = { name: 'agent', ok: false, detail: `does not answer: ${message}`, fix: 'Start it: postern up' };
    return [down, ...(enrolment === undefined ? [] : await lookFromOutside(enrolment))];
  }
  const [doctor, ...local] = await Promise.all([calls.doctor(), namesLine(), ...status.local.map(localLine)]);
  return [{ name: 'agent', ok: true, detail: `process ${status.pid}` }, ...doctor.lines, ...local];
}

/** Browsers know `*.localhost` by themselves (RFC 6761 section 6.3); other programs ask the system. */
async function namesLine(): Promise<DoctorLine> {
  const name = 'names of *.localhost';
  try {
    const { address } = await lookup('postern.localhost');
    const ok = address === '::1' || address.startsWith('127.');
    return ok
      ? { name, ok, detail: `the system says ${address}` }
      : {
          name,
          ok,
          detail: `the system says ${address}, which is not this device`,
          fix: 'Look at /etc/hosts and the resolver.',
        };
  } catch {
    return {
      name,
      ok: undefined,
      detail:
        'the system does not know them; browsers and curl do by themselves, other programs use the HTTP proxy or SOCKS',
    };
  }
}

function localLine({ name, address }: { readonly name: string; readonly address: string }): Promise<DoctorLine> {
  const port = Number(/:(\d+)(\/|$)/.exec(address)?.[1]);
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: limitMs });
    const end = (ok: boolean, detail: string) => {
      socket.destroy();
      resolve({
        name: `local ${name}`,
        ok,
        detail,
        ...(ok ? {} : { fix: 'Start the agent again: postern down; postern up' }),
      });
    };
    socket.once('connect', () => end(true, address));
    socket.once('timeout', () => end(false, `${address} does not answer`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(false, `${address}: ${error.code ?? error.message}`));
  });
}

function print({ io }: CliCall, lines: readonly DoctorLine[]): void {
  const words = (ok: boolean | undefined) => (ok === undefined ? 'unclear' : ok ? 'good' : 'FAILS');
  io.out(printTable(lines.map(({ name, ok, detail }) => ({ step: name, result: words(ok), detail }))));
  const fixes = lines.filter(({ ok, fix }) => ok !== true && fix !== undefined);
  if (fixes.length > 0) io.out('\nWhat to do:');
  for (const { name, fix } of fixes) io.out(`  ${safeText(name)}: ${safeText(fix!)}`);
}

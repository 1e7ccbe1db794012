/** `posternctl policy explain`: why something was decided as it was; exit code 1 when it would now be decided otherwise. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import { type ExplainedRecord, readers } from '#shared/contracts/admin-explain.ts';
import { withAdmin } from '../connect.ts';
import { chosen, flag, given, misuse, when } from '../show.ts';

export const explain: CliCommand = {
  about: 'Why everything under a trace was decided as it was; exit code 1 when the log disagrees with its own facts',
  args: '<trace>',
  options: {
    as: { type: 'string', value: 'READER', about: 'employee, admin or auditor; by your role unless told' },
    changes: { type: 'boolean', about: 'For an auditor: also what would have allowed it' },
  },
  help: `The trace is what employees see with each refusal; its first 8 digits do.

Every verdict is decided again from the recorded facts, by the policy version that was in force then. As an employee you
read what the person was told, and nothing else.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const [trace = ''] = call.args;
      if (!/^[0-9a-f]{8,32}$/.test(trace)) throw misuse('<trace> is 8 to 32 hex digits, as a refusal shows them');
      const query = given({ as: chosen(call, 'as', readers), changes: flag(call, 'changes') ? true : undefined });
      const answer = await admin.explain({ params: { trace }, query }).catch((error: unknown) => {
        // That nothing is known of it says nothing about the log.
        const { code, message } = asPosternError(error);
        throw code === 'not-found' ? misuse(message) : error;
      });
      if (call.json) call.io.out(JSON.stringify(answer));
      else for (const [at, record] of answer.records.entries()) print(call, record, at);
      return answer.records.some(({ again }) => again?.agreement === 'different') ? 1 : 0;
    }),
};

function print({ io }: CliCall, record: ExplainedRecord, at: number): void {
  if (at > 0) io.out('');
  const { kind, phase, verdict, time, explanation, told } = record;
  const head = phase === 'single' ? kind : `${kind}/${phase}`;
  const lines = [
    subjectOf(record),
    ...(explanation === undefined ? reasonsOf(record) : []),
    ...versionOf(record),
    ...againOf(record),
    ...(explanation?.words ?? []),
    ...(told === undefined ? [] : [told.title, ...told.fixes.map(({ text }) => `- ${text}`)]),
  ];
  io.out(`${when(time)}  ${head}  ${verdict === 'none' ? '-' : verdict}`);
  for (const line of lines) if (line !== '') io.out(`  ${safeText(line)}`);
}

function subjectOf({ person, device, app, gateway, request, from }: ExplainedRecord): string {
  const asked = request && `${request.method} ${request.host}${request.path}`;
  const operation = request?.operation === undefined ? '' : ` [${request.operation}]`;
  const parts = [
    person === undefined ? undefined : `${person}${device === undefined ? '' : ` on ${device}`}`,
    app && `app ${app}`,
    asked && `${asked}${operation}`,
    from && `from ${from}`,
    gateway && `at gateway ${gateway}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

const reasonsOf = ({ reasons = [], verdict }: ExplainedRecord): string[] =>
  reasons.map(({ reason, text }) => `${verdict}: ${reason}. ${text}`);

function versionOf({ version, epoch, facts }: ExplainedRecord): string[] {
  if (version !== undefined) {
    const { by, at, message, inForce } = version;
    const state = inForce ? ', in force' : '';
    return [
      `policy version ${version.epoch}${state}, published by ${by} at ${when(at)}: ${message}`,
      ...factsOf(facts),
    ];
  }
  return [...(epoch === undefined || epoch === 0 ? [] : [`policy version ${epoch}`]), ...factsOf(facts)];
}

const factsOf = (facts: string | undefined): string[] => (facts === undefined ? [] : [`facts ${facts}`]);

function againOf({ again }: ExplainedRecord): string[] {
  if (again === undefined) return [];
  switch (again.agreement) {
    case 'none':
      return ['no policy had a part in it'];
    case 'same':
      return ['decided again from these facts by this version: the same'];
    case 'undetermined':
      return [`decided again: undetermined, for lack of ${again.missing.join(' and ')}`];
    default: {
      const now = `${again.verdict}: ${(again.reasons ?? []).join(', ')} (${(again.policies ?? []).join(', ') || 'no policy'})`;
      return [`DISAGREES: from these facts this version decides ${now}`];
    }
  }
}

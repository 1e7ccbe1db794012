/** `posternctl revoke`, `contain`, `lift`, `cut`, `grants`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { answerDone, answerList, given, misuse, option, readTime, usage, when } from './show.ts';
import { answerCut } from './show-cut.ts';
import { answerTouched } from './show-touched.ts';

const kinds = ['person', 'device', 'session', 'grant', 'app', 'gateway', 'everything'] as const;
const bodies = ['person', 'device'] as const;

function kindOf<const W extends string>(call: CliCall, words: readonly W[]): W {
  const kind = words.find((known) => known === call.args[0]);
  if (kind === undefined) throw misuse(`the kind is one of: ${words.join(', ')}`);
  return kind;
}

const because = { because: { type: 'string', value: 'TEXT', about: 'The same as --reason' } } as const;

/** One reason serves both: the record's and the one that a change from the shell must have. */
const whyOf = (call: CliCall): string | undefined => option(call, 'because') ?? option(call, 'reason');
const withReason = (call: CliCall): CliCall => ({
  ...call,
  values: { ...call.values, reason: option(call, 'reason') ?? option(call, 'because') },
});

export const cutCommands: Readonly<Record<string, CliCommand>> = {
  revoke: {
    about: 'Take back grants, end the sessions that would fetch new ones, cut what runs',
    args: '<kind> [id]',
    options: because,
    help: `Kinds: ${kinds.join(', ')}. "everything" signs everybody out.`,
    run: (call) =>
      withAdmin(withReason(call), async (admin) => {
        const kind = kindOf(call, kinds);
        const id = call.args[1] ?? '';
        if (kind !== 'everything' && id === '') throw misuse(`revoke ${kind} needs an id`);
        const body = given({ kind, id, because: whyOf(call) });
        return answerCut(call, await admin.revoke({ body }), `Revoked ${kind}${id === '' ? '' : ` ${id}`}.`);
      }),
  },
  contain: {
    about: 'Stolen or compromised: suspend, revoke, void invitations, until lifted',
    args: '<kind> <id>',
    options: {
      ...because,
      since: { type: 'string', value: 'TIME', about: 'Also report what it touched since: 15m, 2h, 7d or an ISO time' },
    },
    help: 'Kinds: person, device. Example: posternctl contain device dev_3k7... --reason stolen --since 24h',
    run: (call) =>
      withAdmin(withReason(call), async (admin) => {
        const kind = kindOf(call, bodies);
        const id = call.args[1]!;
        const why = whyOf(call);
        if (why === undefined) throw usage('say why, it is recorded: --reason TEXT');
        const since = option(call, 'since');
        const from = since === undefined ? undefined : readTime(since, Date.now());
        const report = await admin.contain({ body: { kind, id, because: why } });
        const sentence = `Contained ${kind} ${id}. Undo it: posternctl lift ${kind} ${id}`;
        if (from === undefined) {
          const code = answerCut(call, report, sentence);
          if (!call.json) call.io.err(`What it touched: posternctl log touched ${kind} ${id} --since 24h`);
          return code;
        }
        // First that it is cut: the log may be long, and the records of what was just cut are on their way.
        if (!call.json) answerCut(call, report, sentence);
        const touched = await admin.touched({ query: { kind, id, from }, timeoutMs: 300_000 });
        if (call.json) call.io.out(JSON.stringify({ cut: report, touched }));
        else {
          call.io.out('');
          answerTouched(call, touched);
        }
        return report.complete ? 0 : 1;
      }),
  },
  lift: {
    about: 'Lift a suspension',
    args: '<kind> <id>',
    options: because,
    run: (call) =>
      withAdmin(withReason(call), async (admin) => {
        const kind = kindOf(call, bodies);
        const id = call.args[1]!;
        await admin.lift({ body: given({ kind, id, because: whyOf(call) }) });
        answerDone(call, { lifted: id }, `The ${kind} ${id} is back in service.`);
      }),
  },
  cut: {
    about: 'How far an earlier revocation has come',
    args: '<change>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const change = Number(call.args[0]);
        if (!Number.isSafeInteger(change)) throw misuse('<change> is a change number');
        const report = await admin.cut({ params: { change } });
        return answerCut(call, report, `Change ${change}, made ${when(report.at === 0 ? undefined : report.at)}:`);
      }),
  },
  grants: {
    about: 'Grants alive now',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(
          call,
          (await admin.grants()).items,
          ({ id, person, device, app, scope, issuedAt, endsAt, epoch }) => ({
            id,
            person,
            device,
            app,
            scope,
            issued: when(issuedAt),
            ends: when(endsAt),
            version: epoch,
          }),
        ),
      ),
  },
};

/** `posternctl policy drafts`, `approve`, `reject` and `approvals`: the second administrator. */
import type { CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from '../connect.ts';
import { answerDone, answerList, flag, misuse, when } from '../show.ts';
import { confirm } from './confirm.ts';
import { difference, readSide, tellDifference } from './diff.ts';
import { answerPublished } from './publish.ts';
import { tellingProblems } from './tell-problems.ts';

export const drafts: CliCommand = {
  about: 'Drafts that wait for a second administrator, or what one of them would change',
  args: '[draft]',
  options: { all: { type: 'boolean', about: 'Those decided in the last 30 days too' } },
  run: (call) =>
    withAdmin(call, async (admin) => {
      const [id] = call.args;
      if (id !== undefined) {
        const { draft } = await admin.policyDraft({ params: { id } });
        const base =
          draft.base === 0 ? { label: 'nothing', files: [], tests: [] } : await readSide(admin, `${draft.base}`);
        const found = difference(base, await readSide(admin, id));
        if (call.json) return call.io.out(JSON.stringify({ draft, ...found }));
        call.io.err(safeText(`${draft.id}, ${draft.state}, by ${draft.by} at ${when(draft.at)}: ${draft.message}`));
        return tellDifference(call, found, false);
      }
      const { items } = await admin.policyDrafts();
      const shown = items.filter(({ state }) => state === 'waiting' || flag(call, 'all'));
      return answerList(
        call,
        shown,
        ({ id: draft, state, by, at, endsAt, base, policies, message, decidedBy, epoch }) => ({
          draft,
          state,
          by,
          at: when(at),
          until: when(endsAt),
          base,
          policies,
          'decided by': decidedBy ?? '-',
          version: epoch ?? '-',
          message,
        }),
      );
    }),
};

export const approve: CliCommand = {
  about: "Publish another administrator's draft; validated and tested again",
  args: '<draft>',
  options: { yes: { type: 'boolean', about: 'Do not ask' } },
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const id = call.args[0]!;
        if (!call.json) {
          const { draft } = await admin.policyDraft({ params: { id } });
          const base =
            draft.base === 0 ? { label: 'nothing', files: [], tests: [] } : await readSide(admin, `${draft.base}`);
          call.io.err(safeText(`by ${draft.by} at ${when(draft.at)}: ${draft.message}`));
          const err = { io: { out: call.io.err, err: call.io.err } };
          tellDifference(err, difference(base, await readSide(admin, id)), true);
          if (!(await confirm(call, 'Publish this?'))) return 1;
        }
        const answer = await admin.approveDraft({ params: { id } });
        return answerPublished(call, answer, `Version ${answer.epoch} is in force.`);
      }),
    ),
};

export const reject: CliCommand = {
  about: 'Reject a draft, or take back your own',
  args: '<draft>',
  run: (call) =>
    withAdmin(call, async (admin) => {
      const { draft } = await admin.rejectDraft({ params: { id: call.args[0]! } });
      answerDone(call, draft, `${draft.id} of ${draft.by} is rejected.`);
    }),
};

export const approvals: CliCommand = {
  about: 'Show or set how many other administrators must approve a version; owners set it',
  args: '[0|1]',
  help: 'The owner at the shell can publish without one, on record: there is always a way back in.',
  run: (call) =>
    withAdmin(call, async (admin) => {
      const [text] = call.args;
      if (text !== undefined && text !== '0' && text !== '1') throw misuse('approvals are 0 or 1');
      const settings =
        text === undefined
          ? await admin.publishingSettings()
          : await admin.setPublishing({ body: { approvals: Number(text) } });
      const sentence =
        settings.approvals === 0
          ? 'An administrator publishes alone.'
          : 'A version needs a second administrator: "policy publish" leaves a draft.';
      answerDone(call, settings, sentence);
    }),
};

/** `posternctl policy publish`: validated, tested, shown, confirmed, published; or left for a second administrator. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import { type AdminClient, withAdmin } from '../connect.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { flag, given, misuse, numbered, option, plural } from '../show.ts';
import { answerCut } from '../show-cut.ts';
import { confirm } from './confirm.ts';
import { difference, sideInForce, tellDifference } from './diff.ts';
import { digest, markerName, markerText, readMarker } from './marker.ts';
import { tellFailedTests, tellingProblems, tellProblems } from './tell-problems.ts';
import { type DraftFiles, namedFiles } from './version-names.ts';
import { writeFiles } from './write-files.ts';

export const publish: CliCommand = {
  about: 'Publish a directory of *.cedar and *.tests.yaml as a new version',
  args: '<dir>',
  options: {
    message: { type: 'string', short: 'm', value: 'TEXT', about: 'What changed; the reason unless told' },
    'expected-epoch': {
      type: 'string',
      value: 'N',
      about: 'Refuse unless this version is in force; the one the directory was pulled from unless told',
    },
    draft: { type: 'boolean', about: 'Leave it for a second administrator to approve' },
    yes: { type: 'boolean', about: 'Do not ask' },
    'even-if-it-locks-out': {
      type: 'boolean',
      about: 'From the shell: publish though no administrator could use anything',
    },
  },
  help: `Shows what differs from the version in force, and asks on a terminal. A failing test stops it.
Where a second administrator must approve, it becomes a draft: posternctl policy drafts.
Exit code 0: published, or left as a draft. 1: refused, or a gateway has not confirmed yet. 2: not understood. 3: the controller cannot be reached.`,
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const dir = call.args[0]!;
        const draft = readPolicyDirectory(dir);
        const message = option(call, 'message') ?? option(call, 'reason');
        if (message === undefined) throw misuse('say what changed: --message TEXT, or --reason TEXT');
        const expectedEpoch = numbered(call, 'expected-epoch') ?? readMarker(dir)?.epoch;
        if (!(await isWanted(call, admin, dir, draft))) return 1;
        const order = given({ ...draft, message, expectedEpoch });
        if (flag(call, 'draft')) return leaveDraft(call, admin, order);
        const evenIfItLocksOut = flag(call, 'even-if-it-locks-out') ? true : undefined;
        try {
          const answer = await admin.publishPolicy({ body: given({ ...order, evenIfItLocksOut }) });
          rememberEpoch(dir, draft, answer.epoch);
          return answerPublished(call, answer, `Version ${answer.epoch} is in force.`);
        } catch (error) {
          if (!(error instanceof PosternError) || error.code !== 'approval-needed') throw error;
          return leaveDraft(call, admin, order);
        }
      }),
    ),
};

type Published = Awaited<ReturnType<AdminClient['publishPolicy']>>;

export function answerPublished(call: CliCall, answer: Published, sentence: string): number {
  if (call.json) {
    call.io.out(JSON.stringify(answer));
    return 0;
  }
  for (const warning of answer.warnings) call.io.err(`warning: ${safeText(warning)}`);
  return answerCut(call, answer.cut, sentence);
}

/** What would change, what is wrong, and on a terminal the question. */
async function isWanted(call: CliCall, admin: AdminClient, dir: string, draft: DraftFiles): Promise<boolean> {
  if (call.json) return true;
  const { problems, tests, valid } = await admin.validatePolicy({ body: draft });
  if (!valid) {
    tellProblems(
      call,
      problems.filter(({ severity }) => severity === 'error'),
    );
    tellFailedTests(call, tests);
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    const failed = tests.filter(({ passed }) => !passed).length;
    const why = errors > 0 ? plural(errors, 'error') : `${failed} of ${plural(tests.length, 'test')} fail`;
    throw new PosternError(errors > 0 ? 'policy-invalid' : 'policy-tests-failed', `${why}: nothing was published`);
  }
  const err = { io: { out: call.io.err, err: call.io.err } };
  tellDifference(err, difference(await sideInForce(admin), { label: dir, ...draft }), true);
  if (tests.length > 0) call.io.err(`${plural(tests.length, 'test')} passed.`);
  return confirm(call, 'Publish this?');
}

async function leaveDraft(
  call: CliCall,
  admin: AdminClient,
  body: Parameters<AdminClient['draftPolicy']>[0]['body'],
): Promise<number> {
  const { draft, warnings } = await admin.draftPolicy({ body });
  if (call.json) call.io.out(JSON.stringify({ draft, warnings }));
  else {
    for (const warning of warnings) call.io.err(`warning: ${safeText(warning)}`);
    call.io.out(`${draft.id} waits for a second administrator: posternctl policy approve ${draft.id}`);
  }
  return 0;
}

/** A directory that was pulled stands now at the version made of it. */
function rememberEpoch(dir: string, draft: DraftFiles, epoch: number): void {
  const marker = readMarker(dir);
  if (marker === undefined) return;
  const files = Object.fromEntries(namedFiles(draft).map(({ name, text }) => [name, digest(text)]));
  writeFiles(dir, [{ name: markerName, text: markerText({ ...marker, epoch, files }) }]);
}

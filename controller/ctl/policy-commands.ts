/** `posternctl policy`. Exit codes fit a build server: 1 when a policy is not valid or a what-if denies. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from './connect.ts';
import { readPolicyDirectory } from './read-directory.ts';
import { answerList, given, numbered, option, readTime, usage, when } from './show.ts';
import { answerCut } from './show-cut.ts';

interface Problem {
  readonly severity: string;
  readonly file: string;
  readonly line?: number;
  readonly policy?: string;
  readonly message: string;
}

function tellProblems({ io }: CliCall, problems: readonly Problem[]): void {
  for (const { severity, file, line, policy, message } of problems) {
    const place = [file === '' ? undefined : `${file}.cedar`, line].filter((part) => part !== undefined).join(':');
    io.err(safeText(`${severity}: ${place}${policy === undefined ? '' : ` (${policy})`}: ${message}`));
  }
}

/** Runs an act that publishes; says by line what is wrong when the policies are refused. */
export async function tellingProblems<T>(call: CliCall, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const problems = error instanceof PosternError ? error.extra?.['problems'] : undefined;
    if (Array.isArray(problems) && !call.json) tellProblems(call, problems as Problem[]);
    throw error;
  }
}

export const policyCommands: Readonly<Record<string, CliCommand>> = {
  'policy show': {
    about: 'The policy in force, or another version',
    options: { epoch: { type: 'string', value: 'N', about: 'Version' } },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { version, files } = await admin.policy({ query: given({ epoch: numbered(call, 'epoch') }) });
        if (call.json) return call.io.out(JSON.stringify({ version, files }));
        const { epoch, by, at, message, inForce } = version;
        call.io.err(`version ${epoch}${inForce ? ', in force' : ''}, by ${by} at ${when(at)}: ${safeText(message)}`);
        for (const { id, text } of files) call.io.out(`// ${id}.cedar\n${text.trimEnd()}\n`);
      }),
  },
  'policy history': {
    about: 'All versions',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.policyHistory()).items, ({ epoch, inForce, policies, by, at, message }) => ({
          version: epoch,
          'in force': inForce,
          policies,
          by,
          at: when(at),
          message,
        })),
      ),
  },
  'policy validate': {
    about: 'Validate a directory of *.cedar files; changes nothing',
    args: '<dir>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const answer = await admin.validatePolicy({ body: { files: readPolicyDirectory(call.args[0]!) } });
        if (call.json) call.io.out(JSON.stringify(answer));
        else {
          tellProblems(call, answer.problems);
          call.io.out(answer.valid ? 'valid' : 'not valid');
        }
        return answer.valid ? 0 : 1;
      }),
  },
  'policy publish': {
    about: 'Publish a directory of *.cedar files as a new version',
    args: '<dir>',
    options: {
      message: { type: 'string', short: 'm', value: 'TEXT', about: 'What changed; the reason unless told' },
      'expected-epoch': { type: 'string', value: 'N', about: 'Refuse unless this version is in force' },
    },
    run: (call) =>
      withAdmin(call, (admin) =>
        tellingProblems(call, async () => {
          const files = readPolicyDirectory(call.args[0]!);
          const expectedEpoch = numbered(call, 'expected-epoch');
          const message = option(call, 'message') ?? option(call, 'reason');
          if (message === undefined) throw usage('say what changed: --message TEXT, or --reason TEXT');
          const body = given({ files, message, expectedEpoch });
          const answer = await admin.publishPolicy({ body });
          if (call.json) return call.io.out(JSON.stringify(answer));
          for (const warning of answer.warnings) call.io.err(`warning: ${safeText(warning)}`);
          answerCut(call, answer.cut, `Version ${answer.epoch} is in force.`);
        }),
      ),
  },
  'policy rollback': {
    about: 'Put an earlier version in force, as a new version',
    args: '<epoch>',
    options: { message: { type: 'string', short: 'm', value: 'TEXT', about: 'Why' } },
    run: (call) =>
      withAdmin(call, (admin) =>
        tellingProblems(call, async () => {
          const epoch = Number(call.args[0]);
          if (!Number.isSafeInteger(epoch)) throw usage('<epoch> is the number of a version');
          const answer = await admin.rollbackPolicy({ body: given({ epoch, message: option(call, 'message') }) });
          if (call.json) return call.io.out(JSON.stringify(answer));
          answerCut(call, answer.cut, `Version ${answer.epoch}, the same as ${epoch}, is in force.`);
        }),
      ),
  },
  'policy what-if': {
    about: 'What would be decided, with reasons and smallest fixes; exit code 1 for a deny',
    args: '<person> <app>',
    options: {
      device: { type: 'string', value: 'ID', about: 'The device last seen unless told' },
      request: { type: 'string', value: '"METHOD /PATH"', about: 'One request; any unless told' },
      host: { type: 'string', value: 'HOST', about: "Host of that request; the app's first unless told" },
      from: { type: 'string', value: 'ADDRESS', about: 'Network address' },
      at: { type: 'string', value: 'TIME', about: 'ISO time' },
      'second-factor-age': { type: 'string', value: 'SECONDS', about: 'Age of the second factor; -1 for never' },
    },
    run: whatIf,
  },
};

function whatIf(call: CliCall): Promise<number> {
  return withAdmin(call, async (admin) => {
    const [person = '', id = ''] = call.args;
    const app = (await admin.apps()).items.find((known) => known.id === id);
    if (app === undefined) throw usage(`there is no app ${id}`);
    const asked = option(call, 'request');
    const [method = '', target = ''] = asked?.split(' ') ?? [];
    if (asked !== undefined && (app.kind === 'tcp' || !target.startsWith('/')))
      throw usage('--request is like "GET /a?b=c"');
    const [path = '', query = ''] = target.split(/\?(.*)/s);
    const host = option(call, 'host') ?? (app.kind === 'http' ? app.hosts[0]! : '');
    const age = option(call, 'second-factor-age');
    const at = option(call, 'at');
    const answer = await admin.whatIf({
      body: given({
        person,
        app: id,
        act: app.kind === 'http' ? ('request' as const) : ('connect' as const),
        device: option(call, 'device'),
        from: option(call, 'from'),
        request: asked === undefined ? undefined : { method, host, path, query },
        at: at === undefined ? undefined : readTime(at, Date.now()),
        secondFactorAgeSeconds: age === undefined ? undefined : Number(age),
      }),
    });
    if (call.json) call.io.out(JSON.stringify(answer));
    else {
      const { verdict, reasons, policies, errors, fixes } = answer;
      call.io.out(`${verdict}: ${reasons.join(', ')}${policies.length === 0 ? '' : ` (${policies.join(', ')})`}`);
      for (const error of errors) call.io.out(safeText(`error: ${error}`));
      for (const { text } of fixes) call.io.out(safeText(`fix: ${text}`));
    }
    return answer.verdict === 'allow' ? 0 : 1;
  });
}

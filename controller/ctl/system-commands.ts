/** `posternctl status`, `apply`, `export`, `backup`, `login`, `logout`, `whoami`. */
import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { stringify } from 'yaml';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { second } from '#shared/base/clock.ts';
import { safeText } from '#shared/base/print-table.ts';
import { readSecret } from '#shared/base/read-secret.ts';
import { untilListens } from '#shared/wire/until-listens.ts';
import { findSocket, withAdmin } from './connect.ts';
import { tellingProblems } from './policy/tell-problems.ts';
import { readDirectory } from './read-directory.ts';
import { answerDone, answerThing, flag, given, numbered, option, usage } from './show.ts';
import { answerCut } from './show-cut.ts';
import { showStatus } from './show-status.ts';
import { removeToken, writeToken } from './token-file.ts';
import { writeDirectory } from './write-directory.ts';

const marks = { add: '+', change: '~', remove: '-', same: ' ' } as const;

function apply(line: CliCall): Promise<void> {
  const dryRun = flag(line, 'dry-run');
  // What changes nothing needs no reason.
  const call = dryRun ? { ...line, values: { reason: 'dry run', ...line.values } } : line;
  return withAdmin(call, (admin) =>
    tellingProblems(call, async () => {
      const bundle = readDirectory(option(call, 'file')!);
      const answer = await admin.apply({ body: given({ bundle, dryRun, message: option(call, 'message') }) });
      if (call.json) return call.io.out(JSON.stringify(answer));
      const { changes, warnings, cut, epoch } = answer;
      const changed = changes.filter(({ how }) => how !== 'same');
      for (const { how, what } of changed) call.io.out(`${marks[how]} ${what}`);
      for (const warning of warnings) call.io.err(`warning: ${safeText(warning)}`);
      const same = `${changes.length - changed.length} unchanged`;
      if (changed.length === 0) return call.io.out(`Nothing to change, ${same}.`);
      if (dryRun) return call.io.out(`${changed.length} would change, ${same}. Nothing was changed.`);
      const version = epoch === undefined ? '' : `; policy version ${epoch} is in force`;
      const sentence = `${changed.length} changed, ${same}${version}.`;
      if (cut === undefined) call.io.out(sentence);
      else answerCut(call, cut, sentence);
    }),
  );
}

/** Password and code, one per line of a pipe, or asked for. */
async function readFactors(): Promise<{ password: string; code: string }> {
  if (process.stdin.isTTY) {
    const password = await readSecret({ prompt: 'Password' });
    return { password, code: await readSecret({ prompt: 'Code of the authenticator app, or a recovery code' }) };
  }
  const [password = '', code = ''] = (await readAll(process.stdin)).split('\n').map((line) => line.replace(/\r$/, ''));
  if (password === '' || code === '') throw usage('standard input: password on the first line, code on the second');
  return { password, code };
}

export const systemCommands: Readonly<Record<string, CliCommand>> = {
  status: {
    about: 'One screen: green, or what to do; exit code 1 when there is something to do',
    options: { wait: { type: 'string', value: 'SECONDS', about: 'Wait so long for a controller that is starting' } },
    run: async (call) => {
      const wait = numbered(call, 'wait');
      if (wait !== undefined) await untilListens(findSocket(call), wait * second);
      return withAdmin(call, async (admin) => {
        const status = await admin.status();
        if (call.json) call.io.out(JSON.stringify(status));
        else showStatus(status, call.io.out);
        return status.todo.length === 0 ? 0 : 1;
      });
    },
  },
  apply: {
    about: 'Apply a whole description, or nothing of it',
    options: {
      file: {
        type: 'string',
        short: 'f',
        value: 'DIR',
        about: 'Directory: *.yaml merged, policies/*.cedar',
        required: true,
      },
      'dry-run': { type: 'boolean', about: 'Only say what would change' },
      message: { type: 'string', short: 'm', value: 'TEXT', about: 'For the policy version and the record' },
    },
    help: 'Adds and changes; removes nothing but policies. Policies are one version: those in the directory are all there are.',
    run: apply,
  },
  export: {
    about: 'The description that apply takes, on standard output or as files',
    options: {
      to: { type: 'string', value: 'DIR', about: 'New directory for organisation.yaml and policies/*.cedar' },
    },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const bundle = await admin.export();
        const dir = option(call, 'to');
        if (dir !== undefined) {
          const files = writeDirectory(dir, bundle);
          return answerDone(call, { files }, `Wrote ${files.length} files to ${dir}.`);
        }
        call.io.out(call.json ? JSON.stringify(bundle) : stringify(bundle, { lineWidth: 120 }).trimEnd());
      }),
  },
  backup: {
    about: 'Write a consistent copy of the store to a new file on the host of the controller',
    args: '<file>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const answer = await admin.backup({ body: { file: resolve(call.args[0]!) }, timeoutMs: 600_000 });
        if (call.json) return call.io.out(JSON.stringify({ ...answer, masterKeyIncluded: false }));
        call.io.out(`${answer.bytes} bytes in ${answer.file}.`);
        call.io.err(
          'The master key is NOT in it: keep a copy of master.key apart from it. Without that key it cannot be restored.',
        );
      }),
  },
  login: {
    about: 'Work under your own name and role for an hour',
    args: '<person>',
    help: 'Asks for password and second factor; from a pipe it reads them as two lines.',
    run: (call) =>
      withAdmin({ ...call, values: { ...call.values, shell: true } }, async (admin) => {
        const factors = await readFactors();
        const { token, ...answer } = await admin.adminSignIn({ body: { person: call.args[0]!, ...factors } });
        writeToken(findSocket(call), token);
        answerDone(
          call,
          answer,
          `You are ${answer.person}, ${answer.role}, for ${Math.round(answer.expiresInMs / 60_000)} min.`,
        );
      }),
  },
  logout: {
    about: 'End your admin session; then you act as the owner at the shell again',
    run: async (call) => {
      const socket = findSocket(call);
      // The file goes whatever the controller says: an ended session cannot be ended again.
      const ended = await withAdmin(call, (admin) => admin.adminSignOut()).then(
        () => true,
        () => false,
      );
      answerDone(call, { ended, removed: removeToken(socket) }, 'You are signed out.');
    },
  },
  api: {
    about: 'Print the OpenAPI 3.1 document of the controller',
    run: async (call) => {
      // Loaded here: no other command needs every contract.
      const { controllerApi } = await import('../api-document.ts');
      call.io.out(JSON.stringify(controllerApi(), null, call.json ? 0 : 2));
    },
  },
  whoami: {
    about: 'Who you act as',
    run: (call) => withAdmin(call, async (admin) => answerThing(call, await admin.whoAmI())),
  },
};

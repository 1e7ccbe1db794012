/** `posternctl authzen store`: policy stores that API clients ask through AuthZEN. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { StoreVersion } from '#shared/contracts/admin-authzen.ts';
import { withAdmin } from '../connect.ts';
import { answerDone, answerList, given, numbered, option, plural, usage, when } from '../show.ts';
import { readStoreDirectory, writeStoreDirectory } from './store-directory.ts';

const row = ({ name, version, inForce, policies, entities, schema, by, at, message }: StoreVersion) => ({
  name,
  version,
  'in force': inForce,
  policies,
  entities,
  schema,
  by,
  at: when(at),
  message,
});

async function put(call: CliCall, dryRun: boolean): Promise<number> {
  const [name = '', dir = ''] = call.args;
  const files = readStoreDirectory(dir);
  return withAdmin(call, async (admin) => {
    const message = option(call, 'message') ?? option(call, 'reason');
    const done = await admin.putPolicyStore({ params: { name }, body: given({ files, message, dryRun }) });
    if (call.json) call.io.out(JSON.stringify(done));
    else {
      for (const { severity, file, policy, message } of done.problems) {
        const place = [file, policy === undefined ? '' : `(${policy})`].filter((part) => part !== '').join(' ');
        call.io.err(safeText(`${severity}: ${place}: ${message}`));
      }
      const counts = `${plural(done.policies, 'policy').replace('policys', 'policies')}, ${plural(done.entities, 'entity').replace('entitys', 'entities')}`;
      if (!done.valid) call.io.err(`Nothing was changed: the store is not valid.`);
      else if (dryRun) call.io.out(`The store is valid: ${counts}.`);
      else call.io.out(`Version ${done.version} of ${name} is in force: ${counts}.`);
    }
    return done.valid ? 0 : 1;
  });
}

const layout =
  'DIR has policies/*.cedar and, if they are there, schema.cedarschema, entities.json and links.json (links of templates).';

export const storeCommands: Readonly<Record<string, CliCommand>> = {
  'authzen store put': {
    about: 'Put a policy store in force, whole, as a new version',
    args: '<name> <dir>',
    options: { message: { type: 'string', short: 'm', value: 'TEXT', about: 'What changed; the reason unless told' } },
    help: `${layout} A store that is not valid changes nothing, and the exit code is 1.`,
    run: (call) => put(call, false),
  },
  'authzen store validate': {
    about: 'Validate a policy store without changing anything',
    args: '<name> <dir>',
    help: `${layout} Exit code 1 when it is not valid.`,
    run: (call) => put(call, true),
  },
  'authzen store list': {
    about: 'Policy stores, each with the version in force',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.policyStores()).items, (store) => ({ ...row(store), url: store.url })),
      ),
  },
  'authzen store show': {
    about: 'The versions of a policy store, or the files of one',
    args: '<name>',
    options: {
      version: { type: 'string', value: 'N', about: 'Which version; the one in force unless told' },
      to: { type: 'string', value: 'DIR', about: 'Write its files into this new directory' },
    },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const query = given({ version: numbered(call, 'version') });
        const shown = await admin.policyStore({ params: { name: call.args[0]! }, query });
        const dir = option(call, 'to');
        if (dir !== undefined) {
          const files = writeStoreDirectory(dir, shown.files);
          return answerDone(call, { files }, `Wrote ${plural(files.length, 'file')} into ${dir}.`);
        }
        if (call.json) return call.io.out(JSON.stringify(shown));
        answerList(call, shown.versions, row);
      }),
  },
  'authzen store rollback': {
    about: 'Put an earlier version of a policy store in force, as a new version',
    args: '<name> <version>',
    options: { message: { type: 'string', short: 'm', value: 'TEXT', about: 'Why' } },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [name = '', text = ''] = call.args;
        const version = Number(text);
        if (!Number.isSafeInteger(version))
          throw usage(`"${text}" is no version: posternctl authzen store show ${name}`);
        const done = await admin.rollbackPolicyStore({
          params: { name },
          body: given({ version, message: option(call, 'message') }),
        });
        answerDone(call, done, `Version ${done.version} of ${name} is in force, with the files of version ${version}.`);
      }),
  },
  'authzen store remove': {
    about: 'Remove a policy store with all its versions',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [name = ''] = call.args;
        await admin.removePolicyStore({ params: { name } });
        answerDone(call, { removed: name }, `The policy store ${name} is removed.`);
      }),
  },
};

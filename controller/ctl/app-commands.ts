/** `posternctl app`, `site`. */
import type { CliCall, CliCommand, CliOption } from '#shared/base/cli.ts';
import type { App } from '#shared/contracts/app.ts';
import { checkUpstream } from './check-upstream.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { checkApp, readAppFile } from './read-directory.ts';
import { answerList, answerThing, chosen, flag, given, numbered, option, options, usage } from './show.ts';
import { answerCut } from './show-cut.ts';

const appOptions: Readonly<Record<string, CliOption>> = {
  file: { type: 'string', short: 'f', value: 'FILE', about: 'YAML of the app; flags change it' },
  kind: { type: 'string', value: 'KIND', about: 'http or tcp' },
  name: { type: 'string', value: 'NAME', about: 'Name that people see' },
  description: { type: 'string', value: 'TEXT', about: 'One line' },
  site: { type: 'string', value: 'ID', about: 'Site whose gateways serve it; main unless told' },
  host: { type: 'string', value: 'HOST', multiple: true, about: 'Host name; several times for several (http)' },
  port: { type: 'string', value: 'N', about: 'Port that people connect to (tcp)' },
  upstream: { type: 'string', value: 'WHERE', about: 'http(s)://host:port, or host:port for tcp' },
  group: { type: 'string', value: 'ID', multiple: true, about: 'Group of apps' },
  operation: { type: 'string', value: 'NAME=PATTERN', multiple: true, about: 'Like "export=POST /reports/*/export"' },
  'grant-seconds': { type: 'string', value: 'N', about: 'Life of a grant, 5 to 300' },
  strict: { type: 'boolean', about: 'Refused by a gateway that lost its controller' },
};

async function findApp(admin: AdminClient, id: string): Promise<App | undefined> {
  return (await admin.apps()).items.find((app) => app.id === id) as App | undefined;
}

async function requireApp(admin: AdminClient, id: string): Promise<App> {
  const app = await findApp(admin, id);
  if (app === undefined) throw usage(`there is no app ${id}`);
  return app;
}

function fromFlags(call: CliCall, base: Partial<App>): App {
  const hosts = options(call, 'host');
  const groups = options(call, 'group');
  const operations = options(call, 'operation').map((text): [string, string] => {
    const [name = '', ...pattern] = text.split('=');
    return [name, pattern.join('=')];
  });
  const kind = chosen(call, 'kind', ['http', 'tcp']) ?? base.kind ?? 'http';
  const id = call.args[0]!;
  return checkApp(
    given({
      ...base,
      id,
      kind,
      name: option(call, 'name') ?? base.name ?? id,
      site: option(call, 'site') ?? base.site ?? 'main',
      description: option(call, 'description') ?? base.description,
      upstream: option(call, 'upstream') ?? base.upstream,
      groups: groups.length > 0 ? groups : base.groups,
      grantSeconds: numbered(call, 'grant-seconds') ?? base.grantSeconds,
      strict: flag(call, 'strict') ? true : base.strict,
      ...(hosts.length === 0 ? {} : kind === 'tcp' ? { host: hosts[0] } : { hosts }),
      ...(call.values['port'] === undefined ? {} : { port: numbered(call, 'port') }),
      ...(operations.length === 0 ? {} : { operations: Object.fromEntries(operations) }),
    }),
  );
}

const putApp =
  (mustExist: boolean): CliCommand['run'] =>
  (call) =>
    withAdmin(call, async (admin) => {
      const id = call.args[0]!;
      const known = await findApp(admin, id);
      if (!mustExist && known !== undefined) throw usage(`there is an app ${id} already: posternctl app set`);
      if (mustExist && known === undefined) throw usage(`there is no app ${id}: posternctl app add`);
      const file = option(call, 'file');
      const base: Partial<App> = file === undefined ? (known ?? {}) : readAppFile(file);
      if (base.id !== undefined && base.id !== id) throw usage(`the file describes ${base.id}, not ${id}`);
      answerThing(call, await admin.putApp({ params: { id }, body: fromFlags(call, base) }));
    });

const fileHelp = `Example: posternctl app add wiki --host wiki.corp.internal --upstream http://10.0.0.5:8080
Then check that it answers: posternctl app check wiki`;

export const appCommands: Readonly<Record<string, CliCommand>> = {
  'app list': {
    about: 'All apps',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.apps();
        answerList(call, items as App[], (app) => ({
          id: app.id,
          name: app.name,
          kind: app.kind,
          site: app.site,
          hosts: app.kind === 'http' ? app.hosts.join(',') : `${app.host}:${app.port}`,
          upstream: app.upstream,
          groups: (app.groups ?? []).join(','),
        }));
      }),
  },
  'app show': {
    about: 'One app',
    args: '<id>',
    run: (call) => withAdmin(call, async (admin) => answerThing(call, await requireApp(admin, call.args[0]!))),
  },
  'app add': {
    about: 'Add an app, from flags or a YAML file',
    args: '<id>',
    options: appOptions,
    help: fileHelp,
    run: putApp(false),
  },
  'app set': {
    about: 'Change an app: flags change what they name, a file replaces all',
    args: '<id>',
    options: appOptions,
    run: putApp(true),
  },
  'app remove': {
    about: 'Remove an app for good and cut what runs',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [id = ''] = call.args;
        return answerCut(call, await admin.removeApp({ params: { id } }), `The app ${id} is removed.`);
      }),
  },
  'app check': {
    about: 'Try the upstream from this host: name, TCP, TLS, HTTP',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const app = await requireApp(admin, call.args[0]!);
        const steps = await checkUpstream(app);
        const ok = steps.every((step) => step.ok);
        if (call.json) call.io.out(JSON.stringify({ app: app.id, from: 'this host', ok, steps }));
        else {
          for (const { step, ok: isOk, told } of steps)
            call.io.out(`${isOk ? 'ok  ' : 'FAIL'}  ${step.padEnd(4)}  ${told}`);
          call.io.err('Tried from this host; a gateway on another host may see it otherwise.');
        }
        return ok ? 0 : 1;
      }),
  },
  'site list': {
    about: 'All sites',
    run: (call) =>
      withAdmin(call, async (admin) => answerList(call, (await admin.sites()).items, (site) => ({ ...site }))),
  },
  'site set': {
    about: 'Add or rename a site',
    args: '<id> <name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [id = '', name = ''] = call.args;
        answerThing(call, await admin.putSite({ params: { id }, body: { name } }));
      }),
  },
};

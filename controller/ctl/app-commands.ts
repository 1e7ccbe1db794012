/** `posternctl app`, `site`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import type { App, HttpApp } from '#shared/contracts/app.ts';
import { appFromFlags, appOptions } from './app-flags.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { findWhom, permitApp } from './permit-app.ts';
import { readAppFile } from './read-directory.ts';
import { answerList, answerThing, option, usage } from './show.ts';
import { checkHelp, runCheck } from './show-check.ts';
import { answerCut } from './show-cut.ts';

async function findApp(admin: AdminClient, id: string): Promise<App | undefined> {
  return (await admin.apps()).items.find((app) => app.id === id) as App | undefined;
}

async function requireApp(admin: AdminClient, id: string): Promise<App> {
  const app = await findApp(admin, id);
  if (app === undefined) throw usage(`there is no app ${id}`);
  return app;
}

/** People need no pages of PEM. */
function answerApp(call: CliCall, app: App): void {
  const ca = app.kind === 'http' ? app.tls?.ca : undefined;
  const count = ca?.match(/-----BEGIN CERTIFICATE/g)?.length ?? 0;
  if (call.json || count === 0) answerThing(call, app);
  else answerThing(call, { ...app, tls: { ...(app as HttpApp).tls, ca: `${count} in PEM` } });
}

/** What `--exact-request` costs (P11). */
async function tellGrantRate(call: CliCall, admin: AdminClient, app: App, before: App | undefined): Promise<void> {
  const isExact = (one: App | undefined) => one?.kind === 'http' && one.exactRequest === true;
  if (call.json || !isExact(app) || isExact(before)) return;
  const { perSecond } = await admin.appGrantRate({ params: { id: app.id } });
  const rate = perSecond === undefined ? 'nothing is on record yet' : `at most ${perSecond} grants a second`;
  call.io.out(`Granted request by request from now on: ${rate}, by its busiest hour of the last 7 days.`);
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
      const permit = option(call, 'permit');
      const whom = permit === undefined ? undefined : await findWhom(admin, permit);
      const app = await admin.putApp({ params: { id }, body: appFromFlags(call, base) });
      answerApp(call, app as App);
      await tellGrantRate(call, admin, app as App, known);
      if (whom !== undefined) await permitApp(call, admin, app as App, whom);
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
    run: (call) => withAdmin(call, async (admin) => answerApp(call, await requireApp(admin, call.args[0]!))),
  },
  'app add': {
    about: 'Add an app, from flags or a YAML file',
    args: '<id>',
    options: { ...appOptions, permit: { type: 'string', value: 'WHO', about: 'A group or person that may use it' } },
    help: fileHelp,
    run: putApp(false),
  },
  'app set': {
    about: 'Change an app: flags change what they name, a file replaces all',
    args: '<id>',
    options: appOptions,
    run: putApp(true),
  },
  'app permit': {
    about: 'Publish one more policy: a group or a person may use the app, with a second factor',
    args: '<id> <who>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [id = '', who = ''] = call.args;
        const app = await requireApp(admin, id);
        await permitApp(call, admin, app, await findWhom(admin, who));
        if (call.json) call.io.out(JSON.stringify({ app: id, permitted: who }));
      }),
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
    about: 'Let the gateways try the way to an app, and look whether there is one around them',
    args: '<id>',
    help: checkHelp,
    run: (call) =>
      withAdmin({ ...call, values: { reason: 'app check', ...call.values } }, (admin) => runCheck(call, admin)),
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

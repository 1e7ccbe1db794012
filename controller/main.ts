/** `postern-controller`: the command line of the process that decides. */
import { existsSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type CliCall, type CliCommand, type CliOption, runCli } from '#shared/base/cli.ts';
import { systemClock } from '#shared/base/clock.ts';
import { stopOnSignals } from '#shared/base/lifecycle.ts';
import { createLog } from '#shared/base/log.ts';
import { refuseForeignDirectory } from '#shared/base/state-owner.ts';
import { hasKernelDoor } from '#shared/contracts/knock.ts';
import { type DoorPlace, doorCommands, uninstallDoor } from '#shared/wire/doors/door-commands.ts';
import { type ControllerConfig, configName, loadControllerConfig } from './config.ts';
import { initStateDirectory } from './init.ts';
import { reachedAt } from './reached-at.ts';
import { restoreBackup } from './restore.ts';
import { startController } from './wiring.ts';

const place: Readonly<Record<string, CliOption>> = {
  config: { type: 'string', value: 'FILE', about: 'YAML file; DIR/controller.yaml when it is there' },
  dir: { type: 'string', value: 'DIR', about: 'State directory' },
};

const text = (call: CliCall, name: string): string | undefined => call.values[name] as string | undefined;

function configOf(call: CliCall, overrides: Record<string, unknown> = {}): ControllerConfig {
  const dir = text(call, 'dir');
  return loadControllerConfig({
    file: text(call, 'config') ?? process.env['POSTERN_CONFIG'],
    env: process.env,
    overrides: { dir: dir === undefined ? undefined : resolve(dir), ...overrides },
  });
}

const doorPlace: DoorPlace = (call) => {
  const { dir, listen } = configOf(call);
  return { dir, name: { role: 'controller', port: listen.mutual, host: listen.host } };
};

async function run(call: CliCall): Promise<number | undefined> {
  const config = configOf(call);
  if (call.values['check-config'] === true) return checkConfig(call, config);
  if (call.values['uninstall'] === true) {
    await uninstallDoor(call, doorPlace(call));
    return 0;
  }
  const log = createLog('postern-controller', config.log.level);
  const controller = await startController(config, { log, env: process.env });
  stopOnSignals(controller, log);
  const { addresses } = controller;
  if (call.json) call.io.out(JSON.stringify({ ready: true, ...addresses }));
  else call.io.err(`postern-controller is ready: mutual ${addresses.mutual}, bootstrap ${addresses.bootstrap}`);
  // The servers keep the process alive; `runCli` must not return before a signal ends it.
  return new Promise(() => {});
}

function checkConfig({ json, io }: CliCall, config: ControllerConfig): number {
  io.out(json ? JSON.stringify(config) : `The configuration is valid.\n${stringify(config).trimEnd()}`);
  return 0;
}

async function init(call: CliCall): Promise<void> {
  const host = text(call, 'address');
  const base = configOf(call);
  const addresses =
    host === undefined
      ? {}
      : {
          'addresses.mutual': `${host}:${base.listen.mutual}`,
          'addresses.bootstrap': `${host}:${base.listen.bootstrap}`,
        };
  const config = configOf(call, addresses);
  refuseForeignDirectory(config.dir, 'postern-controller init');
  const user = userInfo().username.toLowerCase();
  const owner = text(call, 'owner') ?? (user === 'root' ? 'owner' : user);
  const made = await initStateDirectory(
    { dir: config.dir, env: process.env, clock: systemClock },
    {
      organisation: text(call, 'organisation')!,
      trustDomain:
        text(call, 'trust-domain') ??
        `postern.${hostname()
          .toLowerCase()
          .replaceAll(/[^a-z0-9.-]/g, '-')}`,
      timezone: text(call, 'timezone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
      owner: { id: owner, name: text(call, 'owner-name') ?? owner },
      bootstrapAddress: reachedAt(config, 'bootstrap', config.listen.bootstrap),
      mutualAddress: reachedAt(config, 'mutual', config.listen.mutual),
      door: {
        door: config.door,
        ...(hasKernelDoor(config.door) ? { ports: config.knock.ports } : {}),
        ...(config.listen.prelude === 0 ? {} : { preludePort: config.listen.prelude }),
      },
    },
  );
  if (host !== undefined) keepAddresses(call, config, base);
  const { settings, invitation, endsAt } = made;
  if (call.json) {
    call.io.out(JSON.stringify({ ...settings, owner, invitation, endsAt, dir: config.dir }));
    return;
  }
  call.io.err(`Made a controller for ${settings.organisation} (${settings.trustDomain}) in ${config.dir}.`);
  call.io.err(`Start it: systemctl enable --now postern-controller, or postern-controller run --dir ${config.dir}`);
  call.io.err(`The invitation of the owner ${owner}, good once, until ${new Date(endsAt).toISOString()}:`);
  call.io.out(invitation);
}

/** Later starts and invitations must name the same addresses. A file that is there already is an administrator's own. */
function keepAddresses(call: CliCall, { dir, addresses }: ControllerConfig, before: ControllerConfig): void {
  const { mutual, bootstrap } = addresses;
  if (before.addresses.mutual === mutual && before.addresses.bootstrap === bootstrap) return;
  const file = text(call, 'config') ?? join(dir, configName);
  const lines = stringify({ addresses: { mutual, bootstrap } });
  if (existsSync(file)) call.io.err(`${file} is left as it is. Add to it before the start:\n${lines}`);
  else writeFileSync(file, lines, { mode: 0o600 });
}

async function restore(call: CliCall): Promise<void> {
  const config = configOf(call);
  refuseForeignDirectory(config.dir, 'postern-controller restore');
  const log = createLog('postern-controller', 'warn');
  const order = { dir: config.dir, from: resolve(text(call, 'from')!), env: process.env, clock: systemClock, log };
  const done = await restoreBackup(order);
  if (call.json) return call.io.out(JSON.stringify(done));
  const { io } = call;
  io.out(`Restored into ${config.dir}.`);
  io.out(`Ended ${done.sessions} sessions, voided ${done.codes} codes (recovery codes too), took back every grant.`);
  io.out(`The policy in force is version ${done.epoch}; gateways will start with a fresh snapshot.`);
  if (done.former !== undefined) io.out(`The former database is ${done.former}.`);
  io.out(
    'The log signs nothing yet: posternctl log resume, once the gateways have told what they keep of it; or posternctl log new.',
  );
  io.out('Whoever was suspended after the backup was made is not suspended now: check people and devices.');
}

const runCommand: CliCommand = {
  about: 'Run the controller until it is stopped',
  options: {
    'check-config': { type: 'boolean', about: 'Only check the configuration' },
    uninstall: { type: 'boolean', about: 'Take the kernel door away and do nothing else, like `door remove`' },
  },
  run,
};

// State files are this user's alone, also where the directory was made by hand.
process.umask(0o077);
// Whoever read the answer may have gone (`| head`): a command ends by itself, and a controller that serves goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exitCode = 1;
});
const exitCode = await runCli(
  {
    name: 'postern-controller',
    about: 'The controller decides: identities, devices, policies, grants, revocations, the log.',
    options: place,
    commands: {
      init: {
        about: 'Make a new controller: CA, keys, database, first owner',
        options: {
          organisation: { type: 'string', value: 'NAME', about: 'Name of the organisation', required: true },
          'trust-domain': { type: 'string', value: 'NAME', about: 'Like corp.example; never changes afterwards' },
          owner: { type: 'string', value: 'ID', about: 'Id of the first owner; your user name unless told' },
          'owner-name': { type: 'string', value: 'NAME', about: 'Full name of the first owner' },
          timezone: { type: 'string', value: 'ZONE', about: 'Zone that policies tell the time by, like Europe/Zurich' },
          address: { type: 'string', value: 'HOST', about: 'Host name or address by which others reach this host' },
        },
        help: 'Prints the invitation of the owner, alone on standard output.',
        run: init,
      },
      run: runCommand,
      '': runCommand,
      'check-config': {
        about: 'Check the configuration and print it',
        run: (call) => checkConfig(call, configOf(call)),
      },
      ...doorCommands('postern-controller', doorPlace),
      restore: {
        about: 'Put a backup back; the controller must not be running',
        options: { from: { type: 'string', value: 'FILE', about: 'The backup', required: true } },
        run: restore,
      },
    },
  },
  process.argv.slice(2),
);
process.exit(exitCode || process.exitCode);

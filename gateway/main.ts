#!/usr/bin/env node
/** postern-gateway: the command line of a gateway. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { type Cli, type CliCall, runCli } from '#shared/base/cli.ts';
import { systemClock } from '#shared/base/clock.ts';
import { loadConfigOfDir } from '#shared/base/config-of-dir.ts';
import { PosternError } from '#shared/base/errors.ts';
import { stopOnSignals } from '#shared/base/lifecycle.ts';
import { createLog } from '#shared/base/log.ts';
import { refuseForeignDirectory } from '#shared/base/state-owner.ts';
import { maxInvitationChars } from '#shared/contracts/invitation.ts';
import { type DoorPlace, doorCommands, uninstallDoor } from '#shared/wire/doors/door-commands.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import { checkDoorPorts, type GatewayConfig, gatewayConfig } from './config.ts';
import { logCommands } from './kept-log/log-commands.ts';
import { joinController } from './to-controller/join.ts';
import { startGateway } from './wiring.ts';

function configOf({ values }: CliCall): GatewayConfig {
  const sources = {
    file: text(values['config']) ?? process.env['POSTERN_CONFIG'],
    env: process.env,
    overrides: { dir: text(values['dir']) },
    // Of the other programs of Postern, which may run in the same shell.
    otherVariables: ['POSTERN_SOCKET', 'POSTERN_MASTER_KEY', 'POSTERN_NODE'],
  };
  const config = loadConfigOfDir(gatewayConfig, sources, { name: 'gateway.yaml', dirOf: ({ dir }) => dir });
  checkDoorPorts(config);
  return config;
}

const doorPlace: DoorPlace = (call) => {
  const { dir, listen } = configOf(call);
  return { dir, name: { role: 'gateway', port: listen.port, host: listen.host } };
};

const cli: Cli = {
  name: 'postern-gateway',
  about: 'The gateway: enforces what the controller decides, in front of apps.',
  options: {
    config: { type: 'string', value: 'FILE', about: 'YAML file; DIR/gateway.yaml when it is there' },
    dir: { type: 'string', value: 'DIR', about: 'State directory' },
    'check-config': { type: 'boolean', about: 'Check the configuration and do nothing else' },
    uninstall: { type: 'boolean', about: 'Take the kernel door away and do nothing else, like `door remove`' },
  },
  commands: {
    '': { about: 'Serve agents until stopped', run },
    run: { about: 'Serve agents until stopped', run },
    join: {
      about: 'Join a controller with an invitation',
      options: {
        'invitation-file': { type: 'string', value: 'FILE', about: 'Read the invitation from a file' },
      },
      help: 'The invitation is read from a file, from standard input or at a prompt; never from the command line, where\nother users of this machine could read it.',
      run: join,
    },
    'check-config': { about: 'Check the configuration and say what is wrong', run: checkConfig },
    ...logCommands((call) => configOf(call).dir),
    ...doorCommands('postern-gateway', doorPlace),
  },
};

function checkConfig(call: CliCall): void {
  const { dir, listen, door, workers } = configOf(call);
  const processes = workers < 0 ? 'one worker per core' : `${workers} workers`;
  if (call.json) call.io.out(JSON.stringify({ ok: true, dir, listen, door, workers }));
  else call.io.out(`The configuration is valid: ${dir}, ${listen.host}:${listen.port}, door ${door}, ${processes}.`);
}

async function run(call: CliCall): Promise<number> {
  if (call.values['check-config'] === true) {
    checkConfig(call);
    return 0;
  }
  if (call.values['uninstall'] === true) {
    await uninstallDoor(call, doorPlace(call));
    return 0;
  }
  const config = configOf(call);
  const log = createLog('postern-gateway', config.log.level);
  const abort = new AbortController();
  // Signals count from the start: it may wait long for a first snapshot.
  let stop = async () => abort.abort(new PosternError('unavailable', 'stopped before it served'));
  stopOnSignals({ stop: () => stop() }, log, 15_000);
  const running = await startGateway(config, { log }, abort.signal);
  stop = () => running.stop();
  const { gateway, site, address, keySets, metrics } = running;
  if (call.json) call.io.out(JSON.stringify({ gateway, site, address, keySets, metrics }));
  else call.io.out(`Gateway ${gateway} (site ${site}) serves on ${address.host}:${address.port}.`);
  // Ends by a signal.
  return new Promise<number>(() => {});
}

async function join(call: CliCall): Promise<number> {
  if (call.values['check-config'] === true) {
    checkConfig(call);
    return 0;
  }
  const { dir, proxy, log: said } = configOf(call);
  refuseForeignDirectory(dir, 'postern-gateway join');
  const invitation = await readInvitation(text(call.values['invitation-file']));
  const clock = systemClock;
  const log = createLog('postern-gateway', said.level === 'info' ? 'warn' : said.level);
  const ladders = new Ladders({ clock, log, proxy: { setting: proxy, env: process.env } });
  const { gateway, site, controllers } = await joinController({ dir, invitation, clock, ladders });
  if (call.json) call.io.out(JSON.stringify({ gateway, site, controllers }));
  else {
    call.io.out(`Joined as gateway ${gateway} of site ${site}.`);
    call.io.out(`Start it: systemctl enable --now postern-gateway, or postern-gateway run --dir ${dir}`);
  }
  return 0;
}

async function readInvitation(file: string | undefined): Promise<string> {
  if (file !== undefined) return readFileSync(file, 'utf8');
  if (process.stdin.isTTY) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await prompt.question('Invitation: ');
    } finally {
      prompt.close();
    }
  }
  let given = '';
  for await (const chunk of process.stdin) {
    given += String(chunk);
    if (given.length > 2 * maxInvitationChars) break;
  }
  return given;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

// Whoever read the answer may have gone (`| head`): a command ends by itself, and a process that serves goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exitCode = 1;
});
process.exitCode = await runCli(cli, process.argv.slice(2));

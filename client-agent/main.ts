#!/usr/bin/env node
/** `postern`: the agent and its command line. */
import { type Cli, runCli } from '#shared/base/cli.ts';
import { agentCommands } from './cli/commands.ts';
import { placeOptions } from './cli/place-options.ts';

const cli: Cli = {
  name: 'postern',
  about: 'postern: reach the apps of your organisation',
  options: placeOptions,
  commands: agentCommands,
};

// `postern why | head` ends the reader first: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCli(cli, process.argv.slice(2));

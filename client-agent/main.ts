#!/usr/bin/env node
/** `postern`: the agent and its command line. */
import { enableCompileCache } from 'node:module';
import { type Cli, runCli } from '#shared/base/cli.ts';
import { placeOptions } from './load-agent-config.ts';
import { enrolCommand } from './run-enrol.ts';
import { up } from './run-up.ts';

// A second start costs a third of the time, and parsing leaves no garbage behind.
enableCompileCache();

const cli: Cli = {
  name: 'postern',
  about: 'postern: reach the apps of your organisation',
  options: placeOptions,
  commands: { enrol: enrolCommand, up },
};

process.exitCode = await runCli(cli, process.argv.slice(2));

/** `posternctl`: the command line of administrators. */
import { processIo, runCli } from '#shared/base/cli.ts';
import { posternctl } from './commands.ts';

// `posternctl log search | head` ends the reader first: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCli(posternctl, process.argv.slice(2), processIo);

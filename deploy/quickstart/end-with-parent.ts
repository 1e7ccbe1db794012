/**
 * Loaded before each process of the quickstart (`--import`): ends it, as SIGTERM would, when the quickstart is gone and
 * could not stop it, after `kill -9`. The channel to the parent closes at any death, so that no pid has to be trusted.
 */
import process from 'node:process';

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Listening alone would keep a command that has done its work from ending.
process.channel?.unref();

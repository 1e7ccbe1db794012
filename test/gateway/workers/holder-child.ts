/** Holds the lock of a worker until it is killed; its arguments make it look like one. Started by p16-former-workers.test.ts. */
import process from 'node:process';
import { holdAsWorker } from '../../../gateway/workers/former-workers.ts';

holdAsWorker(process.argv[2]!);
process.send?.('held');
process.on('message', () => {});

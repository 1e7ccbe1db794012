/** The worker in which policy stores are judged, away from whoever waits. What breaks the official engine ends it. */
import { parentPort } from 'node:worker_threads';
import type { PolicyStoreFiles } from '#shared/contracts/admin-authzen.ts';
import { prepareStore } from './prepare-store.ts';

parentPort?.on('message', (files: PolicyStoreFiles) => parentPort?.postMessage(prepareStore(files)));

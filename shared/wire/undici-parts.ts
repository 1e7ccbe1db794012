/**
 * The parts of undici under `callContract`, by their files: its front door loads fetch, WebSocket, caches and mocks as well, 9 MB
 * in each agent. The package has no `exports`, and its version is pinned.
 */
import { createRequire } from 'node:module';
import type undici from 'undici';

const require = createRequire(import.meta.url);

export const Agent: typeof undici.Agent = require('undici/lib/dispatcher/agent.js');
export const buildConnector: typeof undici.buildConnector = require('undici/lib/core/connect.js');

// As undici's index.js does: `dispatch` is the class's own, `request` comes from here.
const dispatcher = require('undici/lib/dispatcher/dispatcher.js') as typeof undici.Dispatcher;
Object.assign(dispatcher.prototype, { request: require('undici/lib/api/api-request.js') });

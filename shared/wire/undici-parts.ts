/**
 * The parts of undici under `callContract` and `AppConnections`, by their files: its front door loads fetch, WebSocket, caches and mocks as well, 9 MB
 * in each agent. The package has no `exports`, and its version is pinned.
 */
import { createRequire } from 'node:module';
import type undici from 'undici';

const require = createRequire(import.meta.url);

export const Agent: typeof undici.Agent = require('undici/lib/dispatcher/agent.js');
export const buildConnector: typeof undici.buildConnector = require('undici/lib/core/connect.js');

const { kSize } = require('undici/lib/core/symbols.js') as { readonly kSize: symbol };

/** How many requests `client` has, running or not; what `client.stats.size` says, without asking for the rest of it. */
export const sizeOf = (client: undici.Client): number =>
  (client as unknown as Readonly<Record<symbol, number>>)[kSize]!;

// As undici's index.js does: `dispatch` is the class's own, `request` comes from here.
const dispatcher = require('undici/lib/dispatcher/dispatcher.js') as typeof undici.Dispatcher;
Object.assign(dispatcher.prototype, { request: require('undici/lib/api/api-request.js') });

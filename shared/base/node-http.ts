/**
 * `node:http` without its WebSocket. An `import` of that module reads every export, and its lazy ones (`WebSocket`,
 * `CloseEvent`, `MessageEvent`) then load the whole of Node's built-in fetch: 11 to 16 MB in each agent that nothing uses.
 */
import type * as http from 'node:http';

const builtin = process.getBuiltinModule('node:http');

export const { createServer, get, request, ServerResponse } = builtin;
export type ServerResponse = http.ServerResponse;

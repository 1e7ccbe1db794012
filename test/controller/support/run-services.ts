/** A controller with its services listener on, and a client of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Agent, type Dispatcher, request } from 'undici';
import { readStoreDirectory } from '../../../controller/ctl/authzen/store-directory.ts';
import type { AdminClient } from '../../../controller/ctl/connect.ts';
import type { PolicyStoreFiles } from '../../../shared/contracts/admin-authzen.ts';
import { root } from '../../support/source-tree.ts';
import { type RunController, runController } from './run-controller.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Undefined when the body is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at, not built on
  readonly json: any;
}

export interface AskOptions {
  /** Undefined: the one of `services.token`; empty: none. */
  readonly token?: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RunServices {
  readonly controller: RunController;
  readonly admin: AdminClient;
  readonly url: string;
  readonly dispatcher: Dispatcher;
  /** Of a client that may ask our own schema and every store given. */
  readonly token: string;
  put(name: string, files: PolicyStoreFiles): ReturnType<AdminClient['putPolicyStore']>;
  /** A body that is no string is sent as JSON. */
  ask(path: string, body?: unknown, options?: AskOptions): Promise<Answer>;
}

export async function runServices(
  t: Test,
  { config = {}, stores = {} }: { config?: Record<string, unknown>; stores?: Record<string, PolicyStoreFiles> } = {},
): Promise<RunServices> {
  const listener = { 'services.enabled': true, 'services.host': '127.0.0.1', 'services.port': 0 };
  const controller = await runController(t, { ...listener, 'services.perSecond': 100_000, ...config });
  const admin = controller.as({ reason: 'test' });
  const url = controller.addresses.services!;
  const { bundle } = await admin.trust();
  const dispatcher = new Agent({ connect: { ca: bundle } });
  t.teardown(() => dispatcher.destroy());
  const put: RunServices['put'] = (name, files) => admin.putPolicyStore({ params: { name }, body: { files } });
  for (const [name, files] of Object.entries(stores)) {
    const done = await put(name, files);
    if (!done.valid) throw new Error(JSON.stringify(done.problems));
  }
  const scopes = ['authzen', ...Object.keys(stores).map((name) => `authzen:${name}`)];
  const { token } = await admin.addApiClient({ body: { name: 'tests', scopes } });
  const ask: RunServices['ask'] = async (path, body, options = {}) => {
    const shown = options.token ?? token;
    const answer = await request(url + path, {
      dispatcher,
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(shown === '' ? {} : { authorization: `Bearer ${shown}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, text, json: tryJson(text) };
  };
  return { controller, admin, url, dispatcher, token, put, ask };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const vectors = join(root, 'test/vectors/authzen');

export const vectorStore = (name: string): PolicyStoreFiles => readStoreDirectory(join(vectors, name));

export interface VectorCase {
  readonly name: string;
  /** Below the address of the decision point. */
  readonly path: string;
  readonly body?: unknown;
  /** Instead of `body`: as it stands. */
  readonly text?: string;
  readonly contentType?: string;
  readonly status: number;
  /** What the answer has at least. */
  readonly has?: unknown;
  /** What its `results` have at least. */
  readonly results?: readonly unknown[];
}

export const readVectors = (name: string): readonly VectorCase[] =>
  JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')) as VectorCase[];

/**
 * A real browser for tests: headless Chromium over its debugging pipe (Chrome DevTools Protocol, messages of JSON ended by NUL on
 * file descriptors 3 and 4), so that no port is open and no library is needed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { findProgram } from './programs.ts';

export interface Browser {
  /** A new tab; with cookies of its own unless `beside` another. */
  open(url: string, options?: TabOptions): Promise<Tab>;
  /** Every page: tabs, and the windows that pages have opened. A title comes with what is shown. */
  pages(): Promise<{ readonly url: string; readonly title: string }[]>;
  close(): Promise<void>;
}

export interface TabOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly beside?: Tab;
}

export interface Tab {
  readonly goto: (url: string) => Promise<void>;
  /** The value of an expression in the page; a promise is awaited, an exception rejects. */
  readonly evaluate: <T = unknown>(expression: string) => Promise<T>;
  /** Resolves with the value when the expression is truthy; rejects after 10 s. Survives navigations. */
  readonly waitFor: <T = unknown>(expression: string) => Promise<T>;
  /** Waits until the page shows the text. */
  readonly waitForText: (text: string) => Promise<void>;
  /** Waits for the element, then clicks in the middle of it, as a person does. */
  readonly click: (selector: string) => Promise<void>;
  /** Waits for the element, then replaces what it holds. */
  readonly type: (selector: string, text: string) => Promise<void>;
  /** `Enter`, `Tab`. */
  readonly press: (key: string) => Promise<void>;
  /** Looks at this tab: others are hidden from now on, and know it. */
  readonly look: () => Promise<void>;
  readonly screenshot: (file: string) => Promise<void>;
  /** Exceptions, console errors, failed loads, refusals of the content policy: as they came. */
  readonly errors: readonly string[];
  /** Answers of `confirm()` and `alert()`: true unless told. */
  acceptDialogs: boolean;
}

/** Undefined where there is none; `POSTERN_CHROMIUM` names another one. */
function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return process.env['POSTERN_CHROMIUM'] ?? names.map(findProgram).find((path) => path !== undefined);
}

/** For `t.test(name, needsChromium(), ...)`. */
export function needsChromium(): { readonly skip: string | false } {
  return { skip: findChromium() === undefined && 'not installed: chromium' };
}

interface Ids {
  readonly browserContextId: string;
  readonly targetId: string;
  readonly sessionId: string;
  readonly data: string;
  readonly targetInfos: readonly { readonly type: string; readonly url: string; readonly title: string }[];
}
type Params = Readonly<Record<string, unknown>>;
type Send = (method: string, params?: Params, session?: string) => Promise<Ids>;
type Listener = (method: string, params: Record<string, unknown>) => void;
type Listen = (session: string, listener: Listener) => void;

/** `args`: further ones. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-chromium-'));
  const child = spawn(
    findChromium() ?? 'chromium',
    [
      '--headless',
      '--remote-debugging-pipe',
      `--user-data-dir=${directory}`,
      '--no-first-run',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      // The sandbox refuses to run as root, as tests in containers do.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const { send, listen } = speak(child);
  await send('Target.getTargets');
  const contexts = new WeakMap<Tab, string>();
  return {
    async open(url, options = {}) {
      const known = options.beside === undefined ? undefined : contexts.get(options.beside);
      const browserContextId = known ?? (await send('Target.createBrowserContext')).browserContextId;
      const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId });
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
      const { openTab } = await import('./chromium-tab.ts');
      const tab = await openTab(
        (method, params) => send(method, params, sessionId),
        (to) => listen(sessionId, to),
        options,
      );
      await tab.goto(url);
      const look = async () => void (await send('Page.bringToFront', {}, sessionId));
      const screenshot = async (file: string) => {
        // A tab in the background may draw nothing, and a picture of it never comes.
        await look();
        await saveScreenshot(send, sessionId, file);
      };
      const opened: Tab = { ...tab, look, screenshot };
      contexts.set(opened, browserContextId);
      return opened;
    },
    async pages() {
      const { targetInfos } = await send('Target.getTargets');
      return targetInfos.filter(({ type }) => type === 'page');
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function saveScreenshot(send: Send, session: string, file: string): Promise<void> {
  const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true }, session);
  writeFileSync(file, Buffer.from(data, 'base64'));
}

function speak(child: ChildProcess): { send: Send; listen: Listen } {
  const [output, input] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const listeners = new Map<string, Listener>();
  let last = 0;
  let rest = Buffer.alloc(0);
  const fail = (why: string) => {
    for (const { reject } of waiting.values()) reject(new Error(why));
    waiting.clear();
  };
  child.once('error', (error) => fail(error.message));
  child.once('exit', () => fail('chromium has ended'));
  output.on('error', () => {});
  input.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end).toString('utf8'));
      rest = rest.subarray(end + 1);
      if (message.id === undefined) {
        listeners.get(message.sessionId)?.(message.method, message.params);
        continue;
      }
      const one = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) one?.resolve(message.result as never);
      else one?.reject(new Error(message.error.message));
    }
  });
  return {
    listen: (session, listener) => void listeners.set(session, listener),
    send: (method, params = {}, sessionId) => {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        output.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      });
    },
  };
}

/** One tab of the test browser: what a person does in it, and what goes wrong in it. */
import type { Tab, TabOptions } from './chromium.ts';

type Send = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<unknown>;
type Listener = (method: string, params: Record<string, unknown>) => void;

const patienceMs = 10_000;
const keys: Readonly<Record<string, { code: number; text?: string }>> = {
  Enter: { code: 13, text: '\r' },
  Tab: { code: 9 },
  Escape: { code: 27 },
};

export async function openTab(
  send: Send,
  listen: (listener: Listener) => void,
  { width = 1100, height = 900, dark = false }: TabOptions,
): Promise<Omit<Tab, 'look' | 'screenshot'>> {
  const errors: string[] = [];
  const tab = { acceptDialogs: true };
  let loaded: (() => void) | undefined;
  listen((method, params) => {
    if (method === 'Page.loadEventFired') loaded?.();
    if (method === 'Page.javascriptDialogOpening')
      void send('Page.handleJavaScriptDialog', { accept: tab.acceptDialogs });
    const error = errorOf(method, params);
    if (error !== undefined) errors.push(error);
  });
  for (const domain of ['Page', 'Runtime', 'Log']) await send(`${domain}.enable`);
  await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  const value = dark ? 'dark' : 'light';
  await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });

  const evaluate = async <T>(expression: string): Promise<T> => {
    const answer = (await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    })) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string }; text: string } };
    const { exceptionDetails: failed } = answer;
    if (failed !== undefined) throw new Error(failed.exception?.description ?? failed.text);
    return answer.result.value;
  };

  const waitFor = async <T>(expression: string): Promise<T> => {
    const end = Date.now() + patienceMs;
    const inPage = `new Promise((resolve) => {
      const look = () => { const value = (() => { try { return ${expression}; } catch { return undefined; } })();
        if (value) resolve(value); else setTimeout(look, 20); };
      look(); setTimeout(() => resolve(undefined), 1000); })`;
    for (;;) {
      // A navigation ends what was evaluated before it: asked again on the new page.
      const value = await evaluate<T | undefined>(inPage).catch(() => undefined);
      if (value !== undefined) return value;
      if (Date.now() > end) {
        const shown = await evaluate<string>('document.body?.innerText ?? ""').catch(() => '');
        throw new Error(
          `waited in vain for ${expression}; the page shows:\n${shown.slice(0, 1500)}\n${errors.join('\n')}`,
        );
      }
    }
  };

  const mouse = (type: string, x: number, y: number) =>
    send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
  const find = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`;
  return Object.assign(tab, {
    errors,
    evaluate,
    waitFor,
    async goto(url: string) {
      const load = new Promise<void>((resolve) => {
        loaded = resolve;
      });
      const { errorText, loaderId } = (await send('Page.navigate', { url })) as {
        errorText?: string;
        loaderId?: string;
      };
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
      // Without a loader only the fragment has changed.
      if (loaderId !== undefined) await load;
    },
    async waitForText(text: string) {
      await waitFor(`document.body.innerText.includes(${JSON.stringify(text)})`);
    },
    async click(selector: string) {
      await waitFor(`${find(selector)} && !${find(selector)}.disabled`);
      const { x, y } = await evaluate<{ x: number; y: number }>(`(() => { const element = ${find(selector)};
        element.scrollIntoView({ block: 'center', behavior: 'instant' });
        const { x, y, width, height } = element.getBoundingClientRect();
        return { x: x + width / 2, y: y + height / 2 }; })()`);
      await mouse('mouseMoved', x, y);
      await mouse('mousePressed', x, y);
      await mouse('mouseReleased', x, y);
    },
    async type(selector: string, text: string) {
      await waitFor(`!!${find(selector)}`);
      await evaluate(`(() => { const element = ${find(selector)}; element.focus(); element.select?.(); })()`);
      await send('Input.insertText', { text });
    },
    async press(key: string) {
      const { code, text } = keys[key]!;
      const facts = { key, code: key, windowsVirtualKeyCode: code };
      await send('Input.dispatchKeyEvent', { type: 'keyDown', ...facts, ...(text === undefined ? {} : { text }) });
      await send('Input.dispatchKeyEvent', { type: 'keyUp', ...facts });
    },
  });
}

function errorOf(method: string, params: Record<string, unknown>): string | undefined {
  if (method === 'Runtime.exceptionThrown') {
    const { exceptionDetails } = params as { exceptionDetails: { text: string; exception?: { description?: string } } };
    return `exception: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`;
  }
  if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error') {
    const { args } = params as { args: { value?: unknown; description?: string }[] };
    return `console: ${args.map(({ value, description }) => String(value ?? description)).join(' ')}`;
  }
  if (method === 'Log.entryAdded') {
    const { entry } = params as { entry: { level: string; text: string; url?: string } };
    return entry.level === 'error' ? `log: ${entry.text} ${entry.url ?? ''}`.trim() : undefined;
  }
  return undefined;
}

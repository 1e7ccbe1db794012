/** One `npm start -- --json` for a benchmark, and how long it took to be ready. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { root } from '../support/source-tree.ts';
import { type Ready, stopTriangle } from '../support/triangle.ts';

export interface QuickstartProcess {
  readonly ready: Ready;
  /** Milliseconds from the call to the line that says so. */
  readonly tookMs: number;
  readonly stop: () => Promise<void>;
}

export async function startQuickstart(dir: string, portBase: number): Promise<QuickstartProcess> {
  const args = ['deploy/quickstart/main.ts', '--json', '--dir', dir, '--port-base', String(portBase)];
  const began = performance.now();
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the quickstart ended before it was ready')));
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), failed]);
  failed.catch(() => {});
  const tookMs = performance.now() - began;
  return { ready: JSON.parse(String(line)) as Ready, tookMs, stop: () => stopTriangle(child) };
}

/** `postern down`: asks the agent to end, and waits until it has. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { withAgent } from './with-agent.ts';
import { answer } from './words.ts';

const patienceMs = 12_000;
const lookMs = 50;

export async function stopAgent(call: CliCall): Promise<void> {
  const { pid } = await withAgent(call, ({ calls }) => calls.status());
  process.kill(pid, 'SIGTERM');
  const end = Date.now() + patienceMs;
  while (isAlive(pid)) {
    if (Date.now() > end) throw new PosternError('unavailable', `process ${pid} does not end: kill -9 ${pid}`);
    await sleep(lookMs);
  }
  answer(call, { stopped: pid }, () => call.io.out(`The agent (process ${pid}) has ended.`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

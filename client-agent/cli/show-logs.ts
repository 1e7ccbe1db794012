/** `postern logs [-f]`: the last lines of the agent's log, which it keeps in memory only. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAgent } from './with-agent.ts';

const followMs = 500;

export async function showLogs(call: CliCall): Promise<void> {
  await withAgent(call, async ({ calls }) => {
    let last: string | undefined;
    do {
      const { lines } = await calls.logs();
      const from = last === undefined ? 0 : lines.lastIndexOf(last) + 1;
      for (const line of lines.slice(from)) call.io.out(call.json ? line : readable(line));
      last = lines.at(-1) ?? last;
      if (call.values['follow'] === true) await sleep(followMs);
    } while (call.values['follow'] === true);
  });
}

const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** `12:34:56 info message key=value`; what is no JSON stays as it is. */
function readable(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return safeText(line);
  }
  const { time, level, msg, name: _, ...rest } = entry;
  const facts = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
  );
  const word = levels[level as number] ?? String(level);
  return safeText([String(time).slice(11, 19), word, msg, ...facts].join(' '));
}

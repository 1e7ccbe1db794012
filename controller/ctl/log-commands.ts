/** `posternctl log touched`, `log export`, `facts`. Every reading is recorded. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { exportCommand } from './log-export.ts';
import { given, oneWord, option, readTime } from './show.ts';
import { answerTouched } from './show-touched.ts';

export const logCommands: Readonly<Record<string, CliCommand>> = {
  'log touched': {
    about: 'What a person or a device touched: apps, requests, bytes, addresses, refusals, sign-ins, changes',
    args: '<kind> <id>',
    options: {
      since: { type: 'string', value: 'TIME', about: '15m, 2h, 7d or an ISO time', required: true },
      until: { type: 'string', value: 'TIME', about: 'As --since; now unless told' },
    },
    help: 'Kinds: person, device. Example: posternctl log touched device dev_3k7... --since 24h',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const kind = oneWord(call.args[0]!, ['person', 'device'], 'the kind');
        const until = option(call, 'until');
        const query = given({
          kind,
          id: call.args[1]!,
          from: readTime(option(call, 'since')!, Date.now()),
          to: until === undefined ? undefined : readTime(until, Date.now()),
        });
        answerTouched(call, await admin.touched({ query, timeoutMs: 300_000 }));
      }),
  },
  'log export': exportCommand,
  facts: {
    about: 'The facts that a decision rested on, by the address in its record',
    args: '<address>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { facts } = await admin.facts({ params: { id: call.args[0]! } });
        call.io.out(call.json ? JSON.stringify(facts) : JSON.stringify(facts, null, 2));
      }),
  },
};

/** `posternctl log touched`, `log export`, `log prune`, `facts`. Every reading is recorded. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { exportCommand } from './log-export.ts';
import { answerDone, given, oneWord, option, readTime, when } from './show.ts';
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
  'log prune': {
    about: 'Take old records out of the log for ever, to make room on the disk',
    options: {
      before: { type: 'string', value: 'TIME', about: '90d or an ISO time; the last 24 hours stay', required: true },
    },
    help: 'Back up first: posternctl backup FILE, on another disk. What is removed cannot be had back. The removal is recorded.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const before = readTime(option(call, 'before')!, Date.now());
        const answer = await admin.pruneRecords({ body: { before }, timeoutMs: 3_600_000 });
        answerDone(call, answer, `${answer.removed} records from before ${when(before)} are gone.`);
        if (call.json) return;
        for (const name of answer.heldBy)
          call.io.err(
            `What the stream ${name} has not delivered stays. To let it go undelivered: posternctl log stream remove ${name}`,
          );
      }),
  },
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

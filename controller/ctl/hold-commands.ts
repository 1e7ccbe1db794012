/** `posternctl log hold`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { answerDone, answerList, given, option, readTime, when } from './show.ts';

export const holdCommands: Readonly<Record<string, CliCommand>> = {
  'log hold add': {
    about: 'Keep records from being pruned and erased until the hold is released',
    args: '<name>',
    options: {
      person: { type: 'string', value: 'ID', about: 'Records of this person, of what they did, and of their devices' },
      device: { type: 'string', value: 'ID', about: 'Records of this device' },
      app: { type: 'string', value: 'ID', about: 'Records of this app' },
      trace: { type: 'string', value: 'TRACE', about: 'Records of this trace; its first 8 digits do' },
      since: { type: 'string', value: 'TIME', about: '90d, 2026-11-20 or an ISO time: what is older is not kept' },
      until: { type: 'string', value: 'TIME', about: 'As --since: what is younger is not kept' },
    },
    help: [
      'All that is given must be so of a record. Without --until what is still to come is kept too.',
      'Example: posternctl log hold add case-7 --person emil --since 2026-01-01 --reason "subpoena 4711"',
    ].join('\n'),
    run: (call) =>
      withAdmin(call, async (admin) => {
        const time = (name: string) => {
          const text = option(call, name);
          return text === undefined ? undefined : readTime(text, Date.now());
        };
        const body = given({
          name: call.args[0]!,
          person: option(call, 'person'),
          device: option(call, 'device'),
          app: option(call, 'app'),
          trace: option(call, 'trace'),
          from: time('since'),
          to: time('until'),
        });
        const hold = await admin.addHold({ body });
        const { records } = hold;
        const kept = records === undefined ? '' : `, ${records.exact ? '' : 'more than '}${records.count} records now`;
        answerDone(call, hold, `The hold ${hold.name} stands${kept}. What it keeps is neither pruned nor erased.`);
      }),
  },
  'log hold list': {
    about: 'Legal holds that stand; earlier ones: posternctl log search --event hold-added,hold-released',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.holds()).items, (hold) => ({
          name: hold.name,
          person: hold.person ?? '-',
          device: hold.device ?? '-',
          app: hold.app ?? '-',
          trace: hold.trace ?? '-',
          from: when(hold.from),
          to: when(hold.to),
          records: hold.records === undefined ? '-' : `${hold.records.exact ? '' : '>'}${hold.records.count}`,
          by: hold.by,
          since: when(hold.at),
          because: hold.because,
        })),
      ),
  },
  'log hold release': {
    about: 'Release a legal hold: what it kept goes when its time has come; an erasing that waited is ordered again',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const hold = await admin.releaseHold({ params: { name: call.args[0]! } });
        answerDone(call, hold, `The hold ${hold.name} is released.`);
      }),
  },
};

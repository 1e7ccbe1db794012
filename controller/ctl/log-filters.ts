/** The filters that `log search`, `log tail` and `log export` share. */
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { recordKinds } from '#shared/contracts/record.ts';
import type { AdminClient } from './connect.ts';
import { chosen, given, option, readTime } from './show.ts';

export const filters: Readonly<Record<string, CliOption>> = {
  kind: { type: 'string', value: 'KIND', about: recordKinds.join(', ') },
  person: { type: 'string', value: 'ID', about: 'Of this person' },
  device: { type: 'string', value: 'ID', about: 'Of this device' },
  app: { type: 'string', value: 'ID', about: 'Of this app' },
  gateway: { type: 'string', value: 'ID', about: 'Of this gateway' },
  verdict: { type: 'string', value: 'VERDICT', about: 'allow, deny or none' },
  reason: { type: 'string', value: 'WORD', about: 'The first reason of the verdict (here not why you read)' },
  trace: { type: 'string', value: 'HEX', about: 'Trace id, as employees see it' },
};

export const searchTimes: Readonly<Record<string, CliOption>> = {
  since: { type: 'string', value: 'TIME', about: '15m, 2h, 7d or an ISO time' },
  until: { type: 'string', value: 'TIME', about: 'As --since' },
};

type Query = NonNullable<NonNullable<Parameters<AdminClient['records']>[0]>['query']>;

/** `--reason` filters here: reading needs none. */
export function readFilters(call: CliCall): Query {
  const time = (name: string) => {
    const text = option(call, name);
    return text === undefined ? undefined : readTime(text, Date.now());
  };
  return given({
    kind: chosen(call, 'kind', recordKinds),
    person: option(call, 'person'),
    device: option(call, 'device'),
    app: option(call, 'app'),
    gateway: option(call, 'gateway'),
    verdict: chosen(call, 'verdict', ['allow', 'deny', 'none']),
    reason: option(call, 'reason'),
    trace: option(call, 'trace'),
    from: time('since'),
    to: time('until'),
  });
}

/** For calls in which `--reason` is a filter. */
export const withoutReason = (call: CliCall): CliCall => ({ ...call, values: { ...call.values, reason: undefined } });

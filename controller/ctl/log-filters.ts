/** The filters of the log as options of `posternctl`: the same for searching, following, sums. What is wrong with one the controller tells. */
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { recordKinds } from '#shared/contracts/record.ts';
import type { AdminClient } from './connect.ts';
import { given, option, readTime } from './show.ts';

const filter = (value: string, about: string): CliOption => ({ type: 'string', value, about });

export const filters: Readonly<Record<string, CliOption>> = {
  kind: filter('KIND', recordKinds.join(', ')),
  verdict: filter('VERDICT', 'allow, deny or none'),
  reason: filter('WORD', 'Any of the reasons of the verdict (here not why you read)'),
  person: filter('ID', 'Of this person'),
  device: filter('ID', 'Of this device'),
  app: filter('ID', 'Of this app'),
  gateway: filter('ID', 'Of this gateway'),
  session: filter('ID', 'Of this session'),
  actor: filter('ID', 'What this administrator did; "shell" is the owner at the shell'),
  policy: filter('NAME', 'That this policy decided'),
  trace: filter('HEX', 'Trace id, as employees see it, or its first 8 digits or more'),
  address: filter('ADDRESS', 'From this address or network: 10.1.2.3, 10.1.0.0/16, 2001:db8::/32'),
  method: filter('METHOD', 'GET, POST, ...'),
  host: filter('HOST', 'Of the request'),
  path: filter('PREFIX', 'Requests whose path begins so'),
  operation: filter('NAME', 'Operation of the app'),
  status: filter('STATUS', '403, 40x or 4xx'),
  event: filter('NAME', 'What happened, as records name it'),
  text: filter('WORDS', 'Words that must all be there; "words in this order"; begin*'),
};

export const searchTimes: Readonly<Record<string, CliOption>> = {
  since: filter('TIME', '15m, 2h, 7d ago, today, 2026-11-20, "2026-11-20 10:00" or an ISO time'),
  until: filter('TIME', 'As --since'),
};

export const aboutFilters =
  'Filters go together; values of one separated by commas mean any of them: --verdict deny --app wiki,payroll';

export type LogQuery = NonNullable<NonNullable<Parameters<AdminClient['records']>[0]>['query']>;

export function readFilters(call: CliCall): LogQuery {
  const time = (name: string) => {
    const text = option(call, name);
    return text === undefined ? undefined : readTime(text, Date.now());
  };
  const texts = Object.keys(filters).map((name) => [name, option(call, name)] as const);
  return given({ ...Object.fromEntries(texts), from: time('since'), to: time('until') });
}

/** `--reason` filters here: reading needs none. */
export const withoutReason = (call: CliCall): CliCall => ({ ...call, values: { ...call.values, reason: undefined } });

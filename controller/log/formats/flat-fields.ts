/** A record as a flat list of named values: the one table behind CSV, RFC 5424, CEF and OTLP. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { toJson } from './safe-text.ts';

export interface FlatField {
  readonly name: string;
  readonly about: string;
  readonly read: (record: AccessRecord) => string | number | undefined;
}

const words = (list: readonly string[] | undefined): string | undefined =>
  list === undefined || list.length === 0 ? undefined : list.join(' ');
const json = (value: unknown): string | undefined => (value === undefined ? undefined : toJson(value));

/** Personal fields of a record may be gone (erased): every reader takes any field that is not there. */
export const flatFields: readonly FlatField[] = [
  { name: 'id', about: 'Id of the record: the same in every form and every delivery', read: (r) => r.id },
  {
    name: 'time',
    about: 'Milliseconds since 1970, by the clock of the controller; of what a gateway told, by its word',
    read: (r) => r.time,
  },
  { name: 'arrived', about: 'When the controller took it in, of what a gateway told', read: (r) => r.arrived },
  { name: 'kind', about: 'What it tells of', read: (r) => r.kind },
  { name: 'phase', about: 'single, opening, progress, closing or interrupted', read: (r) => r.phase },
  { name: 'opening', about: 'Id of the opening record it belongs to', read: (r) => r.opening },
  { name: 'trace', about: 'Trace id that employee, admin and auditor share', read: (r) => r.trace },
  { name: 'verdict', about: 'allow, deny or none', read: (r) => r.verdict },
  { name: 'reasons', about: 'Reasons of the verdict, with spaces between', read: (r) => words(r.reasons) },
  { name: 'event', about: 'What happened, in one word', read: (r) => r.event },
  { name: 'person', about: 'Id of the person', read: (r) => r.person },
  { name: 'device', about: 'Id of the device', read: (r) => r.device },
  { name: 'session', about: 'Id of the session', read: (r) => r.session },
  { name: 'app', about: 'Id of the app', read: (r) => r.app },
  { name: 'gateway', about: 'Id of the gateway', read: (r) => r.gateway },
  { name: 'grant', about: 'Id of the grant', read: (r) => r.grant },
  { name: 'from', about: 'Network address as it was seen', read: (r) => r.from },
  { name: 'method', about: 'Method of the request', read: (r) => r.request?.method },
  { name: 'host', about: 'Host of the request', read: (r) => r.request?.host },
  { name: 'path', about: 'Path of the request', read: (r) => r.request?.path },
  { name: 'operation', about: 'Operation of the app', read: (r) => r.request?.operation },
  { name: 'status', about: 'HTTP status that was answered', read: (r) => r.status },
  { name: 'bytesUp', about: 'Bytes to the app', read: (r) => r.bytesUp },
  { name: 'bytesDown', about: 'Bytes from the app', read: (r) => r.bytesDown },
  { name: 'durationMs', about: 'Milliseconds', read: (r) => r.durationMs },
  { name: 'epoch', about: 'Policy version', read: (r) => r.epoch },
  { name: 'policies', about: 'Policies of the verdict, as a JSON list', read: (r) => json(r.policies) },
  {
    name: 'numbers',
    about: 'Numbers of policies that have no name here, as a JSON list',
    read: (r) => json(r.numbers),
  },
  { name: 'facts', about: 'Address of the snapshot of facts', read: (r) => r.facts },
  { name: 'appFacts', about: 'What policies were told of the app, as JSON', read: (r) => json(r.appFacts) },
  { name: 'count', about: 'How many equal records it stands for', read: (r) => r.count },
  { name: 'actor', about: 'Who acted, of administrative records', read: (r) => r.actor },
  { name: 'because', about: 'The reason that was given', read: (r) => r.because },
  { name: 'details', about: 'Further facts, as JSON', read: (r) => json(r.details) },
];

/** `[name, value]` of what the record has, in the order of the table. */
export function flatten(record: AccessRecord): (readonly [string, string | number])[] {
  return flatFields.flatMap(({ name, read }) => {
    const value = read(record);
    return value === undefined ? [] : [[name, value] as const];
  });
}

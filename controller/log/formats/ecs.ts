/** ECS 9 (Elastic Common Schema): one document a record. What ECS has no field for stands under `postern`. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { lineFormat } from './record-format.ts';
import { isoTime, toJson } from './safe-text.ts';
import { sentence, severityOf } from './severity.ts';
import { addressKind } from './source-address.ts';

const version = '9.4.0';

export interface EcsKind {
  readonly category: string;
  readonly types: (record: AccessRecord) => readonly string[];
}

const outcomes = { allow: 'success', deny: 'failure', none: 'unknown' } as const;
const always =
  (...types: string[]): EcsKind['types'] =>
  () =>
    types;
const verdictWord = ({ verdict }: AccessRecord): readonly string[] =>
  ({ allow: ['allowed'], deny: ['denied'], none: [] })[verdict];
const phases = {
  single: ['connection'],
  opening: ['connection', 'start'],
  progress: ['connection', 'info'],
  closing: ['connection', 'end'],
  interrupted: ['connection', 'end'],
} as const;

export const ecsKinds: Readonly<Record<AccessRecord['kind'], EcsKind>> = {
  access: { category: 'network', types: (record) => [...phases[record.phase], ...verdictWord(record)] },
  grant: { category: 'network', types: (record) => ['access', ...verdictWord(record)] },
  'sign-in': { category: 'authentication', types: always('start') },
  session: { category: 'session', types: (record) => [record.event === 'ended' ? 'end' : 'start'] },
  factor: { category: 'iam', types: always('user', 'change') },
  enrolment: { category: 'iam', types: always('creation') },
  device: { category: 'configuration', types: always('change') },
  posture: { category: 'host', types: always('info') },
  revocation: { category: 'iam', types: always('deletion') },
  policy: { category: 'configuration', types: always('change') },
  admin: { category: 'configuration', types: always('change') },
  gateway: { category: 'configuration', types: always('info') },
  controller: { category: 'configuration', types: always('info') },
  log: { category: 'configuration', types: always('access') },
  review: { category: 'iam', types: always('info') },
  authzen: { category: 'api', types: (record) => ['access', ...verdictWord(record)] },
};

const isThere = <T>(value: T | undefined): value is T => value !== undefined;

/** `details` is text: members of many shapes would quarrel over the type of a field, and the index refuse the document. */
function own(record: AccessRecord): Record<string, unknown> {
  const { phase, opening, verdict, reasons, session, app, gateway, grant, epoch, numbers, facts, count } = record;
  const { actor, because, appFacts, details, request } = record;
  return {
    kind: record.kind,
    phase,
    opening,
    verdict,
    reasons,
    session,
    app,
    gateway,
    grant,
    epoch,
    numbers,
    facts,
    count,
    actor,
    because,
    operation: request?.operation,
    app_facts: appFacts === undefined ? undefined : toJson(appFacts),
    details: details === undefined ? undefined : toJson(details),
  };
}

export function ecsDocument(record: AccessRecord): Record<string, unknown> {
  const { kind, person, device, app, gateway, from, request, status, durationMs, policies, epoch } = record;
  const row = ecsKinds[kind];
  const ip = from !== undefined && addressKind(from) !== 0 ? from : undefined;
  const users = [...new Set([person, record.actor].filter(isThere))];
  return {
    '@timestamp': isoTime(record.time) ?? new Date(record.time).toISOString(),
    message: sentence(record),
    ecs: { version },
    event: {
      id: record.id,
      created: record.arrived === undefined ? undefined : isoTime(record.arrived),
      kind: severityOf(record) === 'alarm' ? 'alert' : 'event',
      category: [row.category],
      type: row.types(record),
      outcome: outcomes[record.verdict],
      action: record.event ?? kind,
      reason: (record.reasons ?? []).join(' ') || undefined,
      module: 'postern',
      dataset: 'postern.records',
      duration: durationMs === undefined ? undefined : Math.min(durationMs * 1_000_000, Number.MAX_SAFE_INTEGER),
    },
    trace: { id: record.trace },
    user: person === undefined ? undefined : { id: person, name: person },
    device: device === undefined ? undefined : { id: device },
    source: { ip, address: from, bytes: record.bytesUp },
    destination: { domain: request?.host, bytes: record.bytesDown },
    url: request === undefined ? undefined : { domain: request.host, path: request.path },
    http: {
      request: request === undefined ? undefined : { method: request.method },
      response: status === undefined ? undefined : { status_code: status },
    },
    service: app === undefined ? undefined : { name: app },
    observer: { vendor: 'Postern', product: 'Postern', type: 'proxy', name: gateway ?? 'controller' },
    rule:
      policies === undefined ? undefined : { name: policies, version: epoch === undefined ? undefined : String(epoch) },
    related: { user: users.length === 0 ? undefined : users, ip: ip === undefined ? undefined : [ip] },
    postern: own(record),
  };
}

export const ecs = lineFormat({
  about: 'ECS 9 documents, as JSON lines',
  extension: 'ecs.jsonl',
  contentType: 'application/x-ndjson',
  one: (record) => toJson(ecsDocument(record)),
});

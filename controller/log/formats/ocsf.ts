/** OCSF 1.8 (schema.ocsf.io): one event a record, by the class of its kind, valid against the schema of that class. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import product from '../../../package.json' with { type: 'json' };
import { ocsfClasses } from './ocsf-classes.ts';
import { lineFormat } from './record-format.ts';
import { toJson } from './safe-text.ts';
import { type Severity, sentence, severityOf } from './severity.ts';
import { addressKind } from './source-address.ts';

const version = '1.8.0';
const severities: Readonly<Record<Severity, number>> = { info: 1, notice: 2, warning: 3, alarm: 5 };
const statuses = { allow: 1, deny: 2, none: 0 } as const;
const actions = { allow: 1, deny: 2, none: 0 } as const;
/** 1 Allowed, 26 Unauthorized, 24 Access Revoked. */
const disposition = ({ kind, verdict }: AccessRecord): number =>
  kind === 'revocation' ? 24 : { allow: 1, deny: 26, none: 0 }[verdict];

const userOf = (id: string | undefined) =>
  id === undefined ? { name: 'unknown', type_id: 0 } : { uid: id, name: id, type_id: 1 };

/** The endpoint that asked: its address, the device, and whose it is. `otherwise` names it where none of them is known. */
function sourceOf({ from, device, person }: AccessRecord, otherwise: string) {
  const kind = from === undefined ? 0 : addressKind(from);
  const place = from === undefined ? {} : kind === 0 ? { name: from } : { ip: from };
  const endpoint = {
    ...place,
    ...(device === undefined ? {} : { uid: device }),
    ...(person === undefined ? {} : { owner: userOf(person) }),
  };
  return from === undefined && device === undefined ? { ...endpoint, name: otherwise } : endpoint;
}

/** What the class of a kind wants beside what every event has. */
function byClass(uid: number, record: AccessRecord): Record<string, unknown> {
  const { person, device, session, app, gateway, request, actor, kind } = record;
  const who = actor ?? person;
  const asks = { src_endpoint: sourceOf(record, 'controller') };
  const known = session === undefined ? {} : { session: { uid: session } };
  const acted = { actor: { user: userOf(who), ...known } };
  switch (uid) {
    case 4001:
      return {
        ...asks,
        dst_endpoint: { svc_name: app ?? 'unknown', ...(request === undefined ? {} : { hostname: request.host }) },
        ...(app === undefined ? {} : { app_name: app }),
        ...(gateway === undefined ? {} : { proxy: { name: gateway } }),
        ...(request === undefined ? {} : { url: { path: request.path, hostname: request.host } }),
        traffic: { bytes_out: record.bytesUp ?? 0, bytes_in: record.bytesDown ?? 0 },
      };
    case 3003:
      return { ...asks, ...known, user: userOf(person), privileges: [app ?? 'unknown'] };
    case 3002:
      return { ...asks, ...known, user: userOf(person), service: { name: 'postern' } };
    case 3001:
      return { ...asks, user: userOf(person), ...acted };
    case 3004:
      return { ...asks, ...acted, entity: { type_id: 1, uid: device ?? 'unknown', name: device ?? 'unknown' } };
    case 5019:
      return { device: { type_id: 0, uid: device ?? 'unknown', ...(person ? { owner: userOf(person) } : {}) } };
    case 3005:
      return { ...asks, ...acted, user: userOf(person), privileges: [app ?? 'all'] };
    default:
      return { ...asks, ...acted, api: { operation: record.event ?? kind, service: { name: 'postern' } } };
  }
}

/** What has no place of its own in OCSF. `details` is text: a member of many shapes would spoil the columns of a lake. */
function unmapped(record: AccessRecord): Record<string, unknown> {
  const { phase, opening, grant, app, gateway, device, request, facts, appFacts, because, actor, details } = record;
  const rest = {
    phase,
    opening,
    grant,
    app,
    gateway,
    device,
    facts,
    appFacts,
    because,
    actor,
    reasons: record.reasons,
  };
  const more = { method: request?.method, operation: request?.operation, path: request?.path, numbers: record.numbers };
  return { ...rest, ...more, details: details === undefined ? undefined : toJson(details) };
}

export function ocsfEvent(record: AccessRecord): Record<string, unknown> {
  const row = ocsfClasses[record.kind];
  const activity = row.activity(record);
  const { reasons = [], policies = [], epoch, status, durationMs, count, verdict } = record;
  return {
    activity_id: activity,
    category_uid: row.category,
    class_uid: row.uid,
    class_name: row.name,
    type_uid: row.uid * 100 + activity,
    time: record.time,
    severity_id: severities[severityOf(record)],
    status_id: statuses[verdict],
    ...(reasons.length === 0 ? {} : { status_detail: reasons.join(' ') }),
    ...(status === undefined ? {} : { status_code: String(status) }),
    ...(durationMs === undefined ? {} : { duration: durationMs }),
    ...(count === undefined ? {} : { count }),
    action_id: actions[verdict],
    disposition_id: disposition(record),
    ...(policies.length === 0
      ? {}
      : {
          authorizations: policies.map((name) => ({
            decision: verdict,
            policy: { name, version: String(epoch ?? 0) },
          })),
        }),
    message: sentence(record),
    metadata: {
      version,
      product: { name: 'Postern', vendor_name: 'Postern', version: product.version },
      profiles: ['security_control'],
      uid: record.id,
      ...(record.arrived === undefined ? {} : { logged_time: record.arrived }),
      correlation_uid: record.trace,
      event_code: record.kind,
    },
    ...byClass(row.uid, record),
    unmapped: unmapped(record),
  };
}

export const ocsf = lineFormat({
  about: 'OCSF 1.8 events, as JSON lines',
  extension: 'ocsf.jsonl',
  contentType: 'application/x-ndjson',
  one: (record) => toJson(ocsfEvent(record)),
});

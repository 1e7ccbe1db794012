/** OCSF, ECS and OTLP, judged by their own schemas: the published JSON Schema, Elastic's list of fields, OpenTelemetry's protobuf. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EcsFlat } from '@elastic/ecs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { ecsDocument } from '../../../../controller/log/formats/ecs.ts';
import { flatten } from '../../../../controller/log/formats/flat-fields.ts';
import { recordFormats } from '../../../../controller/log/formats/index.ts';
import { ocsfClasses } from '../../../../controller/log/formats/ocsf-classes.ts';
import { nastyRecords } from '../../../support/nasty-records.ts';
import { root } from '../../../support/source-tree.ts';

const records = nastyRecords(600);
const lines = (name: keyof typeof recordFormats) =>
  recordFormats[name]
    .lines(records)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

t.test('OCSF: every event is valid by the schema of its class', async (t) => {
  const file = join(root, 'test/vectors/ocsf/classes-1.8.0.json');
  const { $defs, classes } = JSON.parse(readFileSync(file, 'utf8')) as {
    $defs: object;
    classes: Record<string, object>;
  };
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const judges = new Map(
    Object.values(classes).map((schema) => {
      const uid = (schema as { properties: { class_uid: { const?: number; enum?: number[] } } }).properties.class_uid;
      return [uid.const ?? uid.enum?.[0], ajv.compile({ ...schema, $defs })];
    }),
  );
  t.equal(judges.size, 8);
  const events = lines('ocsf');
  t.equal(events.length, records.length);
  for (const [at, event] of events.entries()) {
    const judge = judges.get(event['class_uid'] as number);
    const isValid = judge?.(event) === true;
    if (!isValid) t.same(judge?.errors, [], JSON.stringify(event));
    t.equal(event['type_uid'], (event['class_uid'] as number) * 100 + (event['activity_id'] as number));
    t.equal((event['metadata'] as { uid: string }).uid, records[at]!.id);
    const { path } = event['unmapped'] as { path?: string };
    t.equal(path, records[at]!.request?.path.toWellFormed());
  }
  t.same(new Set(events.map((event) => event['class_uid'])), new Set(Object.values(ocsfClasses).map(({ uid }) => uid)));
});

t.test(
  'ECS: every field is one of ECS 9 or our own, of its type, with values and types of events that it allows',
  async (t) => {
    interface Field {
      readonly type: string;
      readonly allowed_values?: readonly { name: string; expected_event_types?: readonly string[] }[];
    }
    const known = EcsFlat as unknown as Record<string, Field>;
    const fits: Record<string, (value: unknown) => boolean> = {
      keyword: (value) => typeof value === 'string',
      wildcard: (value) => typeof value === 'string',
      match_only_text: (value) => typeof value === 'string',
      long: (value) => Number.isSafeInteger(value),
      date: (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value)),
      ip: (value) => /^[0-9a-f.:]+$/i.test(String(value)),
    };
    const leaves = (value: unknown, name = ''): [string, unknown][] =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, name === '' ? key : `${name}.${key}`))
        : [value].flat().map((one) => [name, one]);
    const wrong = new Set<string>();
    for (const document of lines('ecs')) {
      for (const [name, value] of leaves(document)) {
        if (name.startsWith('postern.')) continue;
        const field = known[name];
        if (field === undefined) wrong.add(`${name} is no field of ECS`);
        else if (fits[field.type]?.(value) !== true)
          wrong.add(`${name} is ${JSON.stringify(value)}, not ${field.type}`);
        else if (field.allowed_values && !field.allowed_values.some((allowed) => allowed.name === value))
          wrong.add(`${name} is ${value}`);
      }
      const { category, type } = document['event'] as { category: string[]; type: string[] };
      const expected =
        known['event.category']?.allowed_values?.find(({ name }) => name === category[0])?.expected_event_types ?? [];
      for (const word of type) if (!expected.includes(word)) wrong.add(`${category[0]} knows no event.type ${word}`);
    }
    t.same([...wrong], []);
    t.equal(lines('ecs').length, records.length);
    t.match(ecsDocument(records[0]!), { ecs: { version: /^9\./ } });
  },
);

t.test("OTLP: OpenTelemetry's protobuf decodes what we send, with nothing left over", async (t) => {
  const require = createRequire(import.meta.url);
  // As the generated code of OpenTelemetry for JavaScript has it: no part of its public face, and of no types.
  const proto = require('../../../../node_modules/@opentelemetry/otlp-transformer/build/src/generated/root.js');
  const Request = proto.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
  const sent = JSON.parse(recordFormats.otlp.lines(records)) as {
    resourceLogs: [{ scopeLogs: [{ logRecords: { traceId: string; attributes: unknown[] }[] }] }];
  };
  // In JSON ids are hex (OTLP/HTTP), which protobuf's own JSON does not know.
  const asBytes = structuredClone(sent) as { resourceLogs: [{ scopeLogs: [{ logRecords: { traceId: unknown }[] }] }] };
  for (const record of asBytes.resourceLogs[0].scopeLogs[0].logRecords)
    record.traceId = Buffer.from(String(record.traceId), 'hex');
  const decoded = Request.decode(Request.encode(Request.fromObject(asBytes)).finish());
  const plain = Request.toObject(decoded, { longs: String }) as typeof sent;
  const read = plain.resourceLogs[0].scopeLogs[0].logRecords;
  for (const record of read) record.traceId = Buffer.from(record.traceId).toString('hex');
  t.strictSame(JSON.parse(JSON.stringify(plain)), sent);
  for (const [at, { attributes }] of read.entries()) t.equal(attributes.length, flatten(records[at]!).length + 1);
});

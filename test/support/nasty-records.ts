/** Records whose names, paths and reasons are whatever can hurt: line ends, quotes, separators, controls, halves of surrogate pairs. */
import fc from 'fast-check';
import { reasonNames } from '#shared/contracts/reasons.ts';
import { type AccessRecord, recordKinds } from '#shared/contracts/record.ts';

const pieces = [
  '\n', '\r', '\r\n', '\t', '\0', '\u001b[2J', '\u0085', '\u2028', '\u2029', '\u007f', '"', '""', "'", '\\', '\\n', '\\"', '|', '\\|', '=', '\\=',
  ']', '[', '\\]', ',', ';', '{', '}', '<34>1 ', 'CEF:0|', '=cmd|\' /C calc\'!A0', '+1', '-1', '@SUM(1)', ' =1', '\uff1d1', '\ufeff', '\u202e', 'שלום',
  'مرحبا', '北京', '🚪', '\ud83d', '\udeaa', '\\ud800', '%0a', '&amp;', '</script>', ' ', 'a', 'suser=root', 'cs1Label=x ', '\u0000',
]; // biome-ignore format: a list of pieces reads better unbroken

const nasty = (maxLength: number) =>
  fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 6 })
    .map((parts) => parts.join('').slice(0, maxLength));
const id = (prefix: string) => fc.stringMatching(/^[a-z0-9]{12}$/).map((text) => `${prefix}_${text}`);
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('::ffff:10.1.2.3'), nasty(64));
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

/** Any record, and more than the contract would take: whoever writes it out must stand it. */
export const nastyRecord: fc.Arbitrary<AccessRecord> = fc
  .record({
    id: id('rec'),
    time: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    kind: fc.constantFrom(...recordKinds),
    phase: fc.constantFrom('single', 'opening', 'progress', 'closing', 'interrupted'),
    trace: fc.stringMatching(/^[0-9a-f]{32}$/),
    verdict: fc.constantFrom('allow', 'deny', 'none'),
    reasons: fc.array(fc.constantFrom(...reasonNames), { maxLength: 3 }),
    opening: optional(id('rec')),
    person: optional(nasty(60)),
    device: optional(id('dev')),
    session: optional(id('ses')),
    app: optional(fc.stringMatching(/^[a-z0-9]{1,20}$/)),
    gateway: optional(fc.stringMatching(/^[a-z0-9]{1,20}$/)),
    grant: optional(id('gr')),
    from: optional(address),
    request: optional(
      fc.record(
        { method: nasty(20), host: nasty(60), path: nasty(200), operation: fc.stringMatching(/^[a-z]{1,9}$/) },
        { requiredKeys: ['method', 'host', 'path'] },
      ),
    ),
    status: optional(fc.integer({ min: 0, max: 999 })),
    bytesUp: optional(count),
    bytesDown: optional(count),
    durationMs: optional(count),
    epoch: optional(count),
    policies: optional(fc.array(nasty(60), { maxLength: 3 })),
    facts: optional(fc.stringMatching(/^[0-9a-f]{64}$/)),
    count: optional(fc.integer({ min: 1, max: 9999 })),
    actor: optional(nasty(60)),
    because: optional(nasty(200)),
    event: optional(fc.constantFrom('ended', 'records-read', 'api-client-added')),
    details: optional(fc.dictionary(nasty(20), fc.oneof(nasty(60), fc.jsonValue({ maxDepth: 2 })), { maxKeys: 3 })),
  })
  // As a record is read from the store: what is undefined is not there.
  .map((record) => JSON.parse(JSON.stringify(record)) as AccessRecord);

/** So many of them, the same each time. */
export const nastyRecords = (howMany: number, seed = 1): AccessRecord[] =>
  fc.sample(nastyRecord, { numRuns: howMany, seed });

/**
 * Tests of policies: `*.tests.yaml` beside the policies, kept with each version. A case says who asks for what, and what must come
 * of it. What a case leaves out is good: a person in service, a sound company device, signed in with a fresh second factor, on a Tuesday
 * at 10:00.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { appId, hostName, oneOf, shortText, slug, strict, text } from './common.ts';
import { type FactKind, postureFacts, reportedFactKeys } from './posture.ts';
import { denyReasons } from './reasons.ts';

/** Bytes and numbers that one version may have of them. */
export const policyTestLimits = { files: 200, totalBytes: 1024 * 1024, cases: 2000 } as const;

const told = <S extends TSchema>(description: string, schema: S): S => ({ ...schema, description });
const age = told(
  'an age like "90 s", "20 min", "3 h" or "2 days", "now", or "none"',
  Type.String({ pattern: '^(now|none|\\d{1,6} ?(s|min|h|days?)( ago)?)$' }),
);

const lost = oneOf(['unknown', 'stale']);
const factValues: Readonly<Record<Exclude<FactKind, 'names'>, TSchema>> = {
  boolean: told('true, false, unknown or stale', Type.Union([Type.Boolean(), lost])),
  number: told(
    'a whole number, unknown or stale',
    Type.Union([Type.Integer({ minimum: 0, maximum: 1_000_000 }), lost]),
  ),
  text: told('a text, unknown or stale', text(64)),
};
const factProperties = Object.fromEntries(
  reportedFactKeys.map((key) => [key, Type.Optional(factValues[postureFacts[key].kind])]),
);

/** `stale`: measured and good, too long ago. Both count as the worst value. */
export const testDevice = strict({
  ...factProperties,
  ownership: Type.Optional(told('company, personal or unknown', oneOf(['company', 'personal', 'unknown']))),
  state: Type.Optional(told('pending, active, suspended or gone', oneOf(['pending', 'active', 'suspended', 'gone']))),
  checks: Type.Optional(told('the checks that it passes; all unless told', Type.Array(slug, { maxItems: 64 }))),
});

const situation = {
  person: Type.Optional(told('a person: lower-case letters, digits, dots, dashes', slug)),
  fullName: Type.Optional(shortText),
  role: Type.Optional(told('employee, admin, auditor or owner', oneOf(['employee', 'admin', 'auditor', 'owner']))),
  state: Type.Optional(told('active, suspended or gone', oneOf(['active', 'suspended', 'gone']))),
  risk: Type.Optional(told('0 to 100', Type.Integer({ minimum: 0, maximum: 100 }))),
  groups: Type.Optional(told('a list of groups; their parents come with them', Type.Array(slug, { maxItems: 64 }))),
  device: Type.Optional(testDevice),
  signIn: Type.Optional(age),
  secondFactor: Type.Optional(age),
  methods: Type.Optional(told('a list like [pwd, otp, mfa]', Type.Array(text(16), { maxItems: 8 }))),
  time: Type.Optional(
    told(
      '"Sat 22:30", "2026-12-24T10:00" in the organisation\'s timezone, or with Z',
      Type.String({
        pattern:
          '^((Mon|Tue|Wed|Thu|Fri|Sat|Sun) \\d{1,2}:\\d{2}|\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2})?(Z|[+-]\\d{2}:\\d{2})?)$',
      }),
    ),
  ),
  network: Type.Optional(told('an IP address', text(64))),
  app: Type.Optional(told('an app: lower-case letters, digits, dashes', appId)),
  host: Type.Optional(told('a host of the app; its first unless told', hostName)),
  request: Type.Optional(told('"METHOD /path?query"', Type.String({ pattern: '^[A-Z]+ /\\S*$', maxLength: 2000 }))),
  operation: Type.Optional(told('the name of an operation of the app', slug)),
} as const;

export const testCase = strict({
  name: shortText,
  ...situation,
  expect: told('allow or deny', oneOf(['allow', 'deny'])),
  reasons: Type.Optional(
    told(
      `reasons out of: ${Object.keys(denyReasons).slice(0, 9).join(', ')}, policy-permit`,
      Type.Array(oneOf(['policy-permit', ...Object.keys(denyReasons)]), { maxItems: 8 }),
    ),
  ),
  policies: Type.Optional(
    told('the policies that decide, all of them, by @id', Type.Array(text(128), { maxItems: 64 })),
  ),
  explains: Type.Optional(told('a text that the explanation holds', Type.String({ minLength: 1, maxLength: 500 }))),
});
export type TestCase = Static<typeof testCase>;

export const testFile = strict({
  defaults: Type.Optional(strict(situation)),
  tests: Type.Array(testCase, { maxItems: policyTestLimits.cases }),
});
export type TestFile = Static<typeof testFile>;

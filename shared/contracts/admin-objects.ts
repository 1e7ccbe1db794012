/** The things that administrators see and change, as the admin API gives them and as `apply` and `export` write them. */
import { type Static, Type } from 'typebox';
import { deviceState } from './agent-to-controller.ts';
import { app } from './app.ts';
import { address, changeNumber, madeId, oneOf, shortText, slug, strict, text, time } from './common.ts';
import { postureCheck } from './posture.ts';

export const role = oneOf(['employee', 'admin', 'auditor', 'owner']);
export type Role = Static<typeof role>;
export const personState = oneOf(['active', 'suspended', 'gone']);
export type PersonState = Static<typeof personState>;
export const ownership = oneOf(['company', 'personal', 'unknown']);

export const personShown = strict({
  id: slug,
  name: shortText,
  email: Type.Optional(text(254)),
  role,
  state: personState,
  groups: Type.Array(slug),
  risk: Type.Integer({ minimum: 0, maximum: 100 }),
  createdAt: time,
  lastSignInAt: Type.Optional(time),
  factors: Type.Array(text(32)),
  devices: Type.Integer(),
  sessions: Type.Integer(),
});
export const groupShown = strict({ id: slug, name: shortText, members: Type.Array(slug), parents: Type.Array(slug) });
export const deviceShown = strict({
  id: madeId,
  person: slug,
  name: text(253),
  os: text(16),
  state: deviceState,
  ownership,
  fingerprint: text(100),
  serial: Type.Optional(text(128)),
  enrolledAt: time,
  lastSeenAt: Type.Optional(time),
  certificateEndsAt: time,
  posture: Type.Array(
    strict({
      fact: text(64),
      value: Type.Unknown(),
      state: oneOf(['pass', 'fail', 'unknown', 'stale']),
      source: text(16),
      at: Type.Optional(time),
      detail: Type.Optional(text(200)),
    }),
  ),
});
export const sessionShown = strict({
  id: madeId,
  person: slug,
  device: madeId,
  startedAt: time,
  lastActiveAt: time,
  endsAt: time,
  idle: Type.Boolean(),
  methods: Type.Array(text(16)),
});
export const invitationShown = strict({
  id: madeId,
  kind: oneOf(['device', 'gateway', 'factor-reset']),
  for: text(64),
  state: oneOf(['open', 'used', 'voided', 'expired']),
  createdAt: time,
  endsAt: time,
  by: text(100),
});
export const siteShown = strict({ id: slug, name: shortText });
export const gatewayShown = strict({
  id: slug,
  site: slug,
  address,
  state: oneOf(['invited', 'active', 'gone']),
  connection: oneOf(['fresh', 'behind', 'away']),
  through: changeNumber,
  lastSeenAt: Type.Optional(time),
  certificateEndsAt: Type.Optional(time),
  /** As it says itself; absent until it has since the start of this controller. */
  records: Type.Optional(
    strict({
      /** When it said so. */
      at: time,
      /** Everything recorded there before this is here. */
      through: Type.Optional(time),
      waitingBytes: Type.Integer(),
      /** Why it gives no access, and since when. */
      refusing: Type.Optional(text(200)),
      refusingSince: Type.Optional(time),
    }),
  ),
});
export const policyVersion = strict({
  epoch: changeNumber,
  by: text(100),
  message: text(500),
  at: time,
  inForce: Type.Boolean(),
  /** How many; unknown of versions from before they were counted. */
  policies: Type.Optional(Type.Integer()),
});
export const grantShown = strict({
  id: madeId,
  person: slug,
  device: madeId,
  session: madeId,
  app: slug,
  issuedAt: time,
  endsAt: time,
  scope: oneOf(['app', 'request']),
  epoch: changeNumber,
});

/** What one gateway did with a revocation: `applied` once it acknowledged, else with the time its last grant ends (P16). */
export const gatewayCut = strict({
  gateway: slug,
  state: oneOf(['applied', 'waiting']),
  appliedAfterMs: Type.Optional(Type.Integer()),
  streamsCut: Type.Integer(),
  lastGrantEndsAt: Type.Optional(time),
});
export const cutReport = strict({
  change: changeNumber,
  at: time,
  grants: Type.Integer(),
  sessions: Type.Integer(),
  gateways: Type.Array(gatewayCut),
  complete: Type.Boolean(),
  /**
   * The disk of the controller takes nothing: gateways cut what ran, and refuse until then whoever had grants. Nothing else is done or kept, so it must be
   * done again; it is never `complete`.
   */
  unkept: Type.Optional(strict({ until: time })),
});
export type CutReport = Static<typeof cutReport>;

/** One policy file; `id` is its name without `.cedar`. Several policies in one text are told apart by `@id`. */
export const policyFile = strict({
  id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' }),
  text: text(262_144),
});

/** Tests of the policies; `id` is the name of the file without `.tests.yaml`. */
export const policyTestFile = policyFile;

const place = {
  line: Type.Integer(),
  column: Type.Integer(),
  /** Characters at fault from there. */
  length: Type.Integer(),
  /** The line, cut when it is long, and the column in it. */
  source: text(1000),
  sourceColumn: Type.Integer(),
};
export const policyProblem = strict({
  severity: oneOf(['error', 'warning']),
  /** Name without `.cedar`, or with its whole ending for a file of tests. */
  file: text(200),
  policy: Type.Optional(text(128)),
  line: Type.Optional(place.line),
  column: Type.Optional(place.column),
  length: Type.Optional(place.length),
  source: Type.Optional(place.source),
  sourceColumn: Type.Optional(place.sourceColumn),
  /** What `@allow("...")` silences. */
  lint: Type.Optional(text(64)),
  message: text(2000),
});
export const policyTestResult = strict({
  name: shortText,
  file: text(200),
  place: strict(place),
  passed: Type.Boolean(),
  expected: text(2000),
  got: text(2000),
  why: Type.Array(text(4000)),
});

/** Everything `posternctl apply -f DIR` takes and `export` writes: whole or not at all. */
export const bundle = strict({
  sites: Type.Optional(Type.Array(siteShown)),
  groups: Type.Optional(
    Type.Array(
      strict({
        id: slug,
        name: shortText,
        members: Type.Optional(Type.Array(slug)),
        parents: Type.Optional(Type.Array(slug)),
      }),
    ),
  ),
  appGroups: Type.Optional(Type.Array(strict({ id: slug, name: shortText }))),
  apps: Type.Optional(Type.Array(app)),
  posture: Type.Optional(
    strict({
      /** Seconds a fact stays good for; facts not named keep their default. */
      ttl: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Type.Integer({ minimum: 10 }))),
      reportSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 3600 })),
      checks: Type.Optional(Type.Array(postureCheck)),
    }),
  ),
  policies: Type.Optional(Type.Array(policyFile)),
  /** They go with `policies`: given without them they are ignored; `policies` without them have none. */
  policyTests: Type.Optional(Type.Array(policyTestFile)),
});
export type Bundle = Static<typeof bundle>;

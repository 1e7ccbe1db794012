/** Made-up policies of the product's own schema, small enough to meet the facts of a test and to differ in what they say. */
import fc from 'fast-check';

const conditions = [
  'context.device.firewallOn',
  'context.session.secondFactorAge <= 900',
  'context.session.secondFactor',
  'context.session.methods.contains("otp")',
  'context.risk.level < 50',
  'context.network.address.isInRange(ip("10.0.0.0/8"))',
  'context.time.minuteOfDay >= 610',
  'context.time.weekday < 6',
  'principal.role == "employee"',
  'resource.kind == "http"',
  'context.device.ownership == "company"',
] as const;
const ofRequests = [
  'context.request.operation == "export"',
  'context.request.path like "/reports/*"',
  'context.request.method == "GET"',
] as const;

const scopeOf = (act: string) =>
  fc
    .record({
      principal: fc.constantFrom('principal', 'principal in Group::"staff"', 'principal == Person::"alice"'),
      resource: fc.constantFrom('resource', 'resource == App::"wiki"', 'resource in AppGroup::"internal"'),
    })
    .map(({ principal, resource }) => `(${principal}, ${act}, ${resource})`);

const condition = (from: readonly string[]) =>
  fc
    .array(fc.tuple(fc.constantFrom(...from), fc.boolean()), { maxLength: 3 })
    .map((terms) => terms.map(([term, negated]) => (negated ? `!(${term})` : term)))
    .chain((terms) => fc.constantFrom(' && ', ' || ').map((operator) => terms.join(operator)));

const onePolicy = fc
  .record({ effect: fc.constantFrom('permit', 'permit', 'forbid'), request: fc.boolean() })
  .chain(({ effect, request }) =>
    fc
      .tuple(
        scopeOf(request ? 'action == Action::"request"' : 'action'),
        condition(request ? [...conditions, ...ofRequests] : conditions),
        fc.constantFrom('when', 'unless'),
      )
      .map(([scope, body, kind]) => `${effect} ${scope}${body === '' ? '' : ` ${kind} { ${body} }`};`),
  );

export const madePolicies: fc.Arbitrary<string> = fc
  .array(onePolicy, { minLength: 1, maxLength: 5 })
  .map((policies) => policies.map((text, at) => `@id("p${at}") ${text}`).join('\n'));

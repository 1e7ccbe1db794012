import t from 'tap';
import { decide } from '../../controller/policy/decide.ts';
import { couldAllow } from '../../controller/policy/decide-partly.ts';
import { ask, compile, get, goodFacts } from '../support/policy-facts.ts';

// The age of a factor that never was, 2^31, times 2^52: beyond 64 bits, which is the one error that validation lets through.
const overflows = 'context.session.secondFactorAge * 4503599627370496 > 0';
const neverConfirmed = { ...goodFacts, session: { ...goodFacts.session!, secondFactorAt: null } };
const permit = '@id("staff") permit(principal in Group::"staff", action, resource);';

t.test('P7 a forbid that errors forbids, when and unless', async (t) => {
  for (const clause of ['when', 'unless']) {
    const set = compile(`${permit} @id("risky") forbid(principal, action, resource) ${clause} { ${overflows} };`);
    const verdict = decide(set, ask({ facts: neverConfirmed }));
    t.match(verdict, { verdict: 'deny', reasons: ['policy-error'], policies: ['risky'] }, clause);
    t.match(verdict.errors, [/overflow/]);
    t.match(couldAllow(set, ask({ facts: neverConfirmed })), { verdict: 'deny', reasons: ['policy-error'] });
  }
});

t.test('P7 a forbid that errors out of scope forbids nothing', async (t) => {
  const set = compile(`${permit} forbid(principal, action, resource == App::"payroll") when { ${overflows} };
    forbid(principal in Group::"guests", action, resource) when { ${overflows} };`);
  t.match(decide(set, ask({ facts: neverConfirmed })), { verdict: 'allow', policies: ['staff'] });
});

t.test('P7 a permit that errors does not permit, and takes nothing from one that does', async (t) => {
  const risky = `@id("risky") permit(principal, action, resource) when { ${overflows} };`;
  t.match(decide(compile(risky), ask({ facts: neverConfirmed })), { verdict: 'deny', reasons: ['no-permit'] });
  const both = decide(compile(risky + permit), ask({ facts: neverConfirmed }));
  t.match(both, { verdict: 'allow', policies: ['staff'], errors: [/risky/] });
});

t.test('P7 what cannot be evaluated at all is denied', async (t) => {
  const facts = { ...goodFacts, network: { address: 'not an address' } };
  t.match(
    decide(
      compile(`${permit} permit(principal, action, resource) when { context.network.address.isLoopback() };`),
      ask({ facts }),
    ),
    { verdict: 'deny', reasons: ['policy-error'] },
  );
});

t.test('P7 a forbid on a request that is not given forbids', async (t) => {
  const set = compile(
    `${permit} forbid(principal, action == Action::"request", resource) when { context.request.path like "/admin*" };`,
  );
  t.match(decide(set, ask()), { verdict: 'deny', reasons: ['policy-error'] });
  t.match(decide(set, ask({ request: get('/a') })), { verdict: 'allow' });
});

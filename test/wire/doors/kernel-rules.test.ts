/** P28: what is given to nft is made of numbers and addresses alone, and of nothing that could be another command. */
import fc from 'fast-check';
import t from 'tap';
import {
  type KernelRules,
  letInLine,
  removalLine,
  rulesLine,
  sharedRules,
  tableOf,
} from '#shared/wire/doors/kernel-rules.ts';

const rules: KernelRules = { role: 'gateway', port: 443, ports: [443, 8444], knockPorts: [62_201], openSeconds: 20 };

t.test('two processes on one host have tables of their own', async (t) => {
  t.equal(tableOf(rules), 'postern_gateway_443');
  t.not(tableOf(rules), tableOf({ ...rules, role: 'controller' }));
  t.not(tableOf(rules), tableOf({ ...rules, port: 8443 }));
});

t.test('and one text for a port that they share, which takes no knocks by itself', async (t) => {
  const shared = sharedRules(443, '::');
  t.equal(tableOf(shared), 'postern_shared_443');
  t.equal(rulesLine(shared), rulesLine(sharedRules(443, '0.0.0.0')));
  t.notMatch(rulesLine(shared), /udp|knock/);
  t.throws(() => rulesLine({ ...shared, knockPorts: [62_201] }), { code: 'invalid-config' });
});

t.test('what is out of bounds is refused before anything is touched', async (t) => {
  t.match(rulesLine(rules), /^add table inet postern_gateway_443; delete table inet postern_gateway_443; table inet /);
  for (const over of [
    { openSeconds: 9 },
    { openSeconds: 31 },
    { openSeconds: 10.5 },
    { openSeconds: Number.NaN },
    { ports: [] },
    { ports: [0] },
    { ports: [443, 65_536] },
    { port: 1.5 },
    { knockPorts: [-1] },
    { knockPorts: [] },
    { knocksPerSecond: 0 },
    { knocksPerSecond: Number.POSITIVE_INFINITY },
  ]) {
    t.throws(() => rulesLine({ ...rules, ...over }), { code: 'invalid-config' }, JSON.stringify(over));
  }
  t.throws(() => removalLine({ role: 'gateway', port: Number.NaN }), { code: 'invalid-config' });
});

t.test('a source is let in by its one spelling, and what is no address is not', async (t) => {
  t.match(letInLine(rules, '::ffff:10.0.0.7', 443), 'let_in_ipv4 { 10.0.0.7 . 443 }');
  t.match(letInLine(rules, 'FE80::1%eth0', 443), 'let_in_ipv6 { fe80::1 . 443 }');
  for (const source of ['', '10.0.0', '10.0.0.1/8', '10.0.0.1 . 22', '10.0.0.1-10.0.0.9', 'localhost', '::/0']) {
    t.throws(() => letInLine(rules, source, 443), { code: 'bad-request' }, source);
  }
  const address = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.tuple(fc.ipV4(), fc.string()).map(String));
  const line = /^add (element inet postern_gateway_443 let_in_ipv[46] \{ [0-9a-f.:]+ \. 443 \}); delete \1; add \1$/;
  fc.assert(
    fc.property(address, (source) => {
      let made: string;
      try {
        made = letInLine(rules, source, 443);
      } catch {
        return;
      }
      if (!line.test(made)) throw new Error(made);
    }),
    { numRuns: 2000 },
  );
});

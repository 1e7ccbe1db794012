import fc from 'fast-check';
import t from 'tap';
import { recorded } from './fake-host.ts';
import { expectations, textParsers } from './parsers.ts';

t.test('every recording is read as it should be', async (t) => {
  for (const [parser, file, wanted] of expectations) {
    t.same(textParsers[parser](recorded(file)), wanted, `${parser} reads ${file}`);
  }
});

t.test('an empty answer is never a good one', async (t) => {
  for (const [name, parse] of Object.entries(textParsers)) {
    // dnf and KDE say "nothing special" by saying nothing; their probes look at more than the text.
    if (name === 'dnf' || name === 'kde') continue;
    t.equal(parse(''), undefined, name);
  }
});

const isGood = (value: unknown): boolean =>
  value === true || (typeof value === 'object' && value !== null && 'ipv4' in value && value.ipv4 === true);

t.test('no text makes a parser throw, and garbage is never a pass', async (t) => {
  for (const [name, parse] of Object.entries(textParsers)) {
    const property = fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.json()), (text) => {
      const got = parse(text);
      // For these two 0 means that no update waits.
      return !isGood(got) && !(got === 0 && (name === 'apt' || name === 'winUpdates'));
    });
    fc.assert(property, { numRuns: 300 });
    t.pass(name);
  }
});

t.test('no cut of a good recording is a pass unless it says all that the whole does', async (t) => {
  for (const [name, file, wanted] of expectations.filter(([, , wanted]) => isGood(wanted) || wanted === 0)) {
    const whole = recorded(file).trimEnd();
    const property = fc.property(fc.integer({ min: 0, max: whole.length - 2 }), (length) => {
      const got = textParsers[name](whole.slice(0, length));
      return !isGood(got) && got !== 0;
    });
    // A whole iptables table ends with COMMIT; the comment behind it carries nothing.
    if (name === 'iptables' || name === 'tasklist') continue;
    fc.assert(property, { numRuns: 200 });
    t.pass(`${name} ${file} (${String(wanted)})`);
  }
});

t.test('no JSON makes a reader of Windows answers or rulesets throw or pass', async (t) => {
  const names = [
    'volumes',
    'profiles',
    'products',
    'machine',
    'policy',
    'user',
    'updates',
    'nftables',
    'chain',
    'rule',
  ];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, -1, 1.5, 'x', ''),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...names, 'metainfo', 'expr', 'match', 'left'), tie('value'), { maxKeys: 4 }),
    ),
  }));
  for (const [name, parse] of Object.entries(textParsers)) {
    fc.assert(
      fc.property(value, (json) => !isGood(parse(JSON.stringify(json)))),
      { numRuns: 200 },
    );
    t.pass(name);
  }
});

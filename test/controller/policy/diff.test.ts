import fc from 'fast-check';
import t from 'tap';
import { compilePolicies } from '../../../controller/policy/compile-policies.ts';
import { diffPolicies } from '../../../controller/policy/diff-policies.ts';
import { diffText } from '../../../controller/policy/diff-text.ts';
import { formatFile } from '../../../controller/policy/format-policies.ts';

const read = (files: Readonly<Record<string, string>>) =>
  compilePolicies(
    Object.entries(files).map(([id, text]) => ({ id, text })),
    1,
  ).set!.policies;
const all = '(principal, action, resource)';

t.test('policies that were added, removed, changed, moved and renamed', async (t) => {
  const before = read({
    a: `@id("same") permit${all}; @id("gone") permit${all} when { context.risk.level < 1 }; @id("moves") permit${all} when { context.risk.level < 2 };`,
    b: `@id("turns") permit${all} when { context.risk.level < 3 }; @id("old") permit${all} when { context.risk.level < 4 };`,
  });
  const after = read({
    a: `@id("same") permit${all}; @id("new") forbid${all};`,
    b: `@id("turns") forbid(principal in Group::"x", action, resource) when { context.device.firewallOn };
      @id("moves") permit${all} when { context.risk.level < 2 }; @id("young") permit${all} when { context.risk.level < 4 };`,
  });
  const changes = diffPolicies(before, after);
  t.same(
    changes.map(({ how, policy }) => [how, policy]),
    [
      ['added', 'new'],
      ['changed', 'turns'],
      ['moved', 'moves'],
      ['renamed', 'young'],
      ['removed', 'gone'],
    ],
  );
  t.match(changes[1], {
    effect: 'forbid',
    scope: 'in Group::"x", every action, every app',
    reads: ['device.firewallOn'],
    parts: ['effect', 'scope', 'conditions'],
    before: { effect: 'permit', scope: 'everybody, every action, every app' },
  });
  t.same(diffPolicies(after, after), []);
});

/** What `patch` would make of it. */
function apply(before: string, diff: readonly string[]): string {
  const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const out: string[] = [];
  let at = 0;
  for (const line of diff.slice(2)) {
    const hunk = /^@@ -(\d+),(\d+) /.exec(line);
    if (hunk !== null) {
      const first = Number(hunk[1]) - (hunk[2] === '0' ? 0 : 1);
      while (at < first) out.push(lines[at++]!);
    } else if (line.startsWith('+')) out.push(line.slice(1));
    else {
      if (lines[at] !== line.slice(1)) throw new Error(`${line} is not line ${at + 1}`);
      if (line.startsWith(' ')) out.push(lines[at]!);
      at += 1;
    }
  }
  return [...out, ...lines.slice(at)].map((line) => `${line}\n`).join('');
}

t.test('a text diff makes the one text of the other', async (t) => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', '', 'dd'), { maxLength: 40 })
    .map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(
      text,
      text,
      (before, after) => before === after || apply(before, diffText('x', before, after)) === after,
    ),
    { numRuns: 500 },
  );
  const long = (mark: string) => Array.from({ length: 4000 }, (_, at) => `${mark}${at}\n`).join('');
  t.equal(apply(long('a'), diffText('x', long('a'), long('b'))), long('b'), 'replaced whole when nothing is alike');
});

t.test('the formatter keeps comments and meaning, or leaves the file as it is', async (t) => {
  const text = '// 1\n@id("x") // 2\npermit(principal,action,// 3\nresource)when{context.risk.level<1 // 4\n};\n// 5\n';
  const { text: formatted, problems } = formatFile({ id: 'a', text });
  t.same(problems, []);
  for (const n of [1, 2, 3, 4, 5]) t.match(formatted, `// ${n}`);
  t.equal(formatFile({ id: 'a', text: formatted! }).text, formatted, 'once is enough');
  t.match(formatFile({ id: 'a', text: 'permit(' }), { text: undefined, problems: [{ severity: 'error' }] });
});

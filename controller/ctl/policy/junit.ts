/** Test results as the XML that build servers read. */
import { safeText } from '#shared/base/print-table.ts';
import type { Problem, TestResult } from './tell-problems.ts';

export function junitOf(tests: readonly TestResult[], errors: readonly Problem[]): string {
  const failed = tests.filter(({ passed }) => !passed).length;
  const cases = tests.map(({ name, file, place, passed, expected, got, why }) => {
    const open = `    <testcase name="${xml(name)}" classname="${xml(file)}" file="${xml(file)}" line="${place.line}"`;
    if (passed) return `${open}/>`;
    const message = `expected ${expected}, got ${got}`;
    return `${open}>\n      <failure message="${xml(message)}">${xml(why.join('\n'))}</failure>\n    </testcase>`;
  });
  const broken = errors.map(({ file, line = 1, message }) => {
    const open = `    <testcase name="valid" classname="${xml(file)}" file="${xml(file)}" line="${line}">`;
    return `${open}\n      <error message="${xml(message)}"/>\n    </testcase>`;
  });
  const counts = `tests="${tests.length + errors.length}" failures="${failed}" errors="${errors.length}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
  <testsuite name="policy" ${counts}>
${[...broken, ...cases].join('\n')}
  </testsuite>
</testsuites>
`;
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};
/** XML 1.0 knows no other control characters. */
const xml = (text: string): string =>
  text
    .toWellFormed()
    .split('\n')
    .map(safeText)
    .join('\n')
    .replace(/[&<>"\n]/g, (c) => escapes[c]!);

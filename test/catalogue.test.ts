/** The catalogue: error codes, reasons, facts and options are what the documents say, and each is used. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { errorTable } from '#shared/base/errors.ts';
import { denyReasons } from '#shared/contracts/reasons.ts';
import { makeReference, referenceFile } from '../deploy/print-reference.ts';
import { readSources } from './support/source-tree.ts';

t.test('docs/reference.md says what the tables say', async (t) => {
  t.equal(readFileSync(referenceFile, 'utf8'), makeReference(), 'run "npm run docs"');
});

t.test('every error code and every reason is used somewhere', async (t) => {
  const product = readSources().filter((file) =>
    /^(shared\/wire|shared\/crypto|shared\/log|shared\/base|controller|gateway|client-agent)\//.test(file.path),
  );
  const text = product
    .filter((file) => file.path !== 'shared/base/errors.ts')
    .map((file) => file.text)
    .join('\n');
  const unused = (names: readonly string[]) =>
    names.filter((name) => !text.includes(`'${name}'`) && !text.includes(`"${name}"`));
  t.same(unused(Object.keys(errorTable)), [], 'error codes');
  t.same(unused(Object.keys(denyReasons)), [], 'reasons');
});

/** The tables of docs/siem.md, out of those of the forms; `npm run docs` writes them and `test/catalogue.test.ts` fails when they disagree. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { cefKeys } from '../controller/log/formats/cef.ts';
import { ecsKinds } from '../controller/log/formats/ecs.ts';
import { flatFields } from '../controller/log/formats/flat-fields.ts';
import { ocsfClasses } from '../controller/log/formats/ocsf-classes.ts';

export const siemFile = join(import.meta.dirname, '../docs/siem.md');

const mark = '<!-- made from the tables of the forms by `npm run docs` -->\n';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const code = (word: string) => `\`${word}\``;

/** The file as it is, with its tables as they are now. */
export function makeSiemDocument(): string {
  const text = readFileSync(siemFile, 'utf8');
  return text.slice(0, text.indexOf(mark) + mark.length) + tables();
}

function tables(): string {
  const cefOf = new Map(cefKeys.map(([key, field]) => [field, key]));
  const fields = flatFields.map(({ name, about }) => [
    code(name),
    about,
    name === 'from' ? '`src`, `c6a2`, `shost`' : code(cefOf.get(name) ?? '-'),
  ]);
  const example = (kind: AccessRecord['kind']): AccessRecord => ({
    id: '',
    time: 0,
    kind,
    phase: 'single',
    trace: '',
    verdict: 'deny',
    reasons: [],
  });
  const kinds = (Object.keys(ocsfClasses) as AccessRecord['kind'][]).map((kind) => {
    const { uid, name, activities } = ocsfClasses[kind];
    const { category, types } = ecsKinds[kind];
    return [code(kind), `${name} (${uid})`, activities, code(category), types(example(kind)).map(code).join(', ')];
  });
  return `
### By kind of record

OCSF 1.8 has no class for a decision about access: what was decided is in \`action_id\`, \`disposition_id\` and \`status_id\` of the profile \`security_control\`. ECS 9 types are shown for a refusal that stands
alone.

${table(['kind', 'OCSF class', 'OCSF activity', 'ECS category', 'ECS types'], kinds)}

### By field

Columns of CSV, parameters of RFC 5424, and, as \`postern.<field>\`, attributes of OTLP have these names. CEF has its own.

${table(['field', 'meaning', 'CEF'], fields)}
`;
}

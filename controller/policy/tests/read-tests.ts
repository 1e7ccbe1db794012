/** Reads a file of tests: strictly, with the place of whatever is wrong. No aliases, tags or merges: what stands there is what is meant. */
import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { nearestName } from '#shared/base/nearest-name.ts';
import { policyTestLimits, type TestCase, type TestFile, testFile } from '#shared/contracts/policy-tests.ts';
import type { PolicyFile } from '../parse-policies.ts';
import type { PolicyProblem } from '../policy-set.ts';
import { type Place, Positions } from '../positions.ts';

export interface PlacedCase {
  readonly file: string;
  readonly place: Place;
  /** Defaults of the file put in. */
  readonly case: TestCase;
  /** Where a member stands; where the case starts when it comes from the defaults or is not there. */
  readonly placeOf: ReadonlyMap<string, Place>;
}

/** Deeper than any test is, and far from what the parser's recursion bears. */
const maxDepth = 32;

export function readTests(files: readonly PolicyFile[]): { cases: PlacedCase[]; problems: PolicyProblem[] } {
  const cases: PlacedCase[] = [];
  const problems: PolicyProblem[] = [];
  const total = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const { files: mostFiles, totalBytes, cases: mostCases } = policyTestLimits;
  if (files.length > mostFiles) problems.push(refuse('', `More than ${mostFiles} files of tests.`));
  if (total > totalBytes) problems.push(refuse('', `More than ${totalBytes} bytes of tests.`));
  if (problems.length > 0) return { cases, problems };
  for (const file of files) {
    const read = readFile(file);
    cases.push(...read.cases);
    problems.push(...read.problems);
  }
  if (cases.length > mostCases) problems.push(refuse('', `More than ${mostCases} tests.`));
  return { cases, problems };
}

const refuse = (file: string, message: string, place?: Place): PolicyProblem => ({
  severity: 'error',
  file,
  ...place,
  message,
});

const testFileName = (id: string): string => `${id}.tests.yaml`;

function readFile({ id, text }: PolicyFile): { cases: PlacedCase[]; problems: PolicyProblem[] } {
  const file = testFileName(id);
  const positions = new Positions(text);
  const problems: PolicyProblem[] = [];
  const complain = (message: string, start = 0, end = start + 1) =>
    void problems.push(refuse(file, message, positions.place(Math.min(start, text.length), end)));

  const deep = findDeep(text);
  if (deep !== undefined) {
    complain(`Brackets deeper than ${maxDepth}.`, deep);
    return { cases: [], problems };
  }
  const document = parseDocument(text, {
    lineCounter: new LineCounter(),
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    schema: 'core',
    version: '1.2',
  });
  for (const { message, pos } of [...document.errors, ...document.warnings]) complain(message, ...pos);
  if (problems.length === 0) refuseOddities(document, complain);
  if (problems.length > 0) return { cases: [], problems };

  const value: unknown = document.toJS({ maxAliasCount: 0 });
  for (const complaint of complaintsOf(testFile, value)) {
    const [start, end] = rangeOf(document, complaint.path, complaint.isKey);
    complain(complaint.message, start, end);
  }
  if (problems.length > 0) return { cases: [], problems };
  const { defaults = {}, tests } = value as TestFile;
  const seen = new Set<string>();
  const cases = tests.map((own, index) => {
    const at = (path: (string | number)[]) => positions.place(...rangeOf(document, ['tests', index, ...path], false));
    if (seen.has(own.name)) problems.push(refuse(file, `Two tests are called "${own.name}".`, at(['name'])));
    seen.add(own.name);
    const placeOf = new Map(Object.keys(own).map((member) => [member, at([member])]));
    const device = defaults.device || own.device ? { device: { ...defaults.device, ...own.device } } : {};
    return { file, place: at(['name']), case: { ...defaults, ...own, ...device }, placeOf };
  });
  return { cases, problems };
}

/** Flow collections and block sequences in one line (`- - - -`) are what nests without end; indented blocks cost their square. */
function findDeep(text: string): number | undefined {
  let depth = 0;
  for (const { 0: word, index } of text.matchAll(/[[{]|[\]}]|^[ ]{200,}|(?:- ){32,}/gm)) {
    if (word.length > 1) return index;
    depth += word === '[' || word === '{' ? 1 : -1;
    if (depth > maxDepth) return index;
    if (depth < 0) depth = 0;
  }
  return undefined;
}

function refuseOddities(document: Document, complain: (message: string, start?: number, end?: number) => void): void {
  visit(document, (_, node) => {
    if (!isNode(node)) return undefined;
    const [start = 0, end] = node.range ?? [];
    // Without anchors there are no aliases.
    if ('anchor' in node && node.anchor !== undefined) complain('Anchors are not taken: write it out.', start, end);
    else if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:'))
      complain('Tags are not taken.', start, end);
    else return undefined;
    return visit.BREAK;
  });
}

function rangeOf(document: Document, path: readonly (string | number)[], isKey: boolean): [number, number] {
  const node = document.getIn(path, true) as Node | undefined;
  if (isKey && path.length > 0) {
    const parent = document.getIn(path.slice(0, -1), true);
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined;
    const range = isNode(pair?.key) ? pair.key.range : undefined;
    if (range) return [range[0], range[1]];
  }
  if (isNode(node) && node.range) return [node.range[0], node.range[1]];
  return path.length === 0 ? [0, 1] : rangeOf(document, path.slice(0, -1), false);
}

interface Complaint {
  readonly path: readonly (string | number)[];
  /** The name is at fault, not the value. */
  readonly isKey: boolean;
  readonly message: string;
}

const most = 200;

function complaintsOf(schema: TSchema, value: unknown): Complaint[] {
  const found: Complaint[] = [];
  const seen = new Set<string>();
  for (const error of Errors(schema, value).slice(0, most * 4)) {
    const { keyword, schemaPath, instancePath, params, message } = error;
    const path = instancePath
      .split('/')
      .slice(1)
      .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')));
    const place = schemaPath.split('/anyOf')[0]!;
    if (keyword === 'additionalProperties' || seen.has(`${instancePath} ${place}`)) continue;
    seen.add(`${instancePath} ${place}`);
    const name = String(path.at(-1) ?? 'the file');
    if (keyword === 'boolean') {
      const near = nearestName(name, propertiesAt(schema, place.replace(/\/additionalProperties$/, '')));
      found.push({
        path,
        isKey: true,
        message: `"${name}" is not known here.${near ? ` Did you mean "${near}"?` : ''}`,
      });
    } else if (keyword === 'required') {
      const { requiredProperties } = params as { requiredProperties: string[] };
      found.push({ path, isKey: false, message: `${requiredProperties.join(', ')} is missing.` });
    } else {
      const description = descriptionAt(schema, place);
      found.push({ path, isKey: false, message: description ? `${name} is ${description}.` : `${name} ${message}.` });
    }
    if (found.length >= most) break;
  }
  return found;
}

type Shape = Readonly<Record<string, unknown>>;

function shapeAt(schema: TSchema, pointer: string): Shape | undefined {
  let shape: unknown = schema;
  for (const part of pointer.split('/').slice(1)) shape = (shape as Shape | undefined)?.[part];
  return shape as Shape | undefined;
}

const propertiesAt = (schema: TSchema, pointer: string): string[] =>
  Object.keys((shapeAt(schema, pointer)?.['properties'] as object | undefined) ?? {});

/** Of the schema at the place, or of the nearest one around it that has words for it. */
function descriptionAt(schema: TSchema, pointer: string): string | undefined {
  const parts = pointer.split('/');
  for (let length = parts.length; length > 1 && length >= parts.length - 2; length -= 1) {
    const description = shapeAt(schema, parts.slice(0, length).join('/'))?.['description'];
    if (typeof description === 'string') return description;
  }
  return undefined;
}

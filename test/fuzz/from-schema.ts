/** Values by a schema of the contracts: valid ones, and ones with a few members put wrong. */
import fc from 'fast-check';

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface SchemaHints {
  /** Names that exist where the values go, tried for every text whose pattern they fit. */
  readonly names?: readonly string[];
}

/** Long lists and texts are left to the near-valid values: here they would only be slow. */
const usualItems = 3;
const usualChars = 40;

export function fromSchema(schema: object, hints: SchemaHints = {}): fc.Arbitrary<unknown> {
  const s = schema as Schema;
  if (s.const !== undefined) return fc.constant(s.const);
  if (s.enum !== undefined) return fc.constantFrom(...s.enum);
  if (s.anyOf !== undefined) return fc.oneof(...s.anyOf.map((one) => fromSchema(one, hints)));
  switch (s.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return integer(s);
    case 'string':
      return string(s, hints);
    case 'array':
      return fc.array(fromSchema(s.items ?? {}, hints), {
        minLength: s.minItems ?? 0,
        maxLength: Math.max(s.minItems ?? 0, Math.min(s.maxItems ?? usualItems, usualItems)),
      });
    case 'object':
      return object(s, hints);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function object(s: Schema, hints: SchemaHints): fc.Arbitrary<unknown> {
  const [pattern, value] = Object.entries(s.patternProperties ?? {})[0] ?? [];
  if (pattern !== undefined && value !== undefined) {
    const key = string({ type: 'string', pattern, maxLength: 63 }, {});
    return fc.dictionary(key as fc.Arbitrary<string>, fromSchema(value, hints), { maxKeys: 3, noNullPrototype: true });
  }
  const members = Object.fromEntries(
    Object.entries(s.properties ?? {}).map(([name, member]) => [name, fromSchema(member, hints)]),
  );
  return fc.record(members, { requiredKeys: [...(s.required ?? [])], noNullPrototype: true });
}

function integer({ minimum = -(2 ** 53), maximum = 2 ** 53 }: Schema): fc.Arbitrary<number> {
  const edges = [minimum, maximum, 0, 1].filter((n) => n >= minimum && n <= maximum);
  const least = Math.max(minimum, Math.min(maximum, -1000));
  const small = { min: least, max: Math.min(maximum, least + 10_000_000) };
  return fc.oneof(fc.integer(small), fc.constantFrom(...edges));
}

function string(s: Schema, { names = [] }: SchemaHints): fc.Arbitrary<string> {
  const minLength = s.minLength ?? 0;
  const maxLength = s.maxLength ?? (s.pattern === undefined ? usualChars : Number.POSITIVE_INFINITY);
  const fits = (text: string) =>
    text.length >= minLength &&
    text.length <= maxLength &&
    (s.pattern === undefined || new RegExp(s.pattern).test(text));
  const known = names.filter(fits);
  const made =
    s.pattern === undefined
      ? fc.oneof(
          fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, usualChars)) }),
          fc.string({ unit: 'binary', minLength, maxLength: Math.max(minLength, Math.min(maxLength, usualChars)) }),
        )
      : byPattern(s.pattern).filter(fits);
  return known.length === 0
    ? made
    : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: made });
}

const patterns = new Map<string, fc.Arbitrary<string>>();
/** Without look-aheads, which `stringMatching` does not know: the whole pattern is held against the value afterwards. */
function byPattern(pattern: string): fc.Arbitrary<string> {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const plain = withoutLooks(pattern).replaceAll('{0,61}', '{0,8}');
  const made = fc.stringMatching(new RegExp(plain), { size: 'small' });
  patterns.set(pattern, made);
  return made;
}

/** The pattern without its groups that only look. */
function withoutLooks(pattern: string): string {
  const start = pattern.search(/\(\?(?:<?[=!])/);
  if (start < 0) return pattern;
  let depth = 0;
  let inClass = false;
  for (let at = start; at < pattern.length; at += 1) {
    const mark = pattern[at];
    if (mark === '\\') at += 1;
    else if (inClass) inClass = mark !== ']';
    else if (mark === '[') inClass = true;
    else if (mark === '(') depth += 1;
    else if (mark === ')') {
      depth -= 1;
      if (depth === 0) return withoutLooks(pattern.slice(0, start) + pattern.slice(at + 1));
    }
  }
  return pattern.slice(0, start);
}

/** A valid value with up to three members changed, taken out or added. */
export function nearValid(schema: object, hints: SchemaHints = {}): fc.Arbitrary<unknown> {
  const edit = fc.record({ at: fc.nat(0xffff), how: fc.constantFrom('replace', 'remove', 'add', 'double'), with: odd });
  return fc
    .tuple(fromSchema(schema, hints), fc.array(edit, { maxLength: 3 }))
    .map(([value, edits]) => edits.reduce((now, change) => spoil(now, change), structuredClone(value)));
}

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    0.5,
    2 ** 53,
    1e300,
    '',
    '\0',
    '\ud800',
    ' ',
    [],
    {},
    '__proto__',
    '../x',
  ),
  fc.constantFrom<unknown>(
    'x'.repeat(300),
    'x'.repeat(5000),
    deep(50),
    Array(200).fill(0),
    { toString: 1 },
    '1',
    'true',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 2 }),
);

interface Spoiling {
  readonly at: number;
  readonly how: string;
  readonly with: unknown;
}

function spoil(root: unknown, { at, how, with: given }: Spoiling): unknown {
  const value = structuredClone(given);
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const visit = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push({ holder: node as Record<string, unknown>, key });
      visit((node as Record<string, unknown>)[key]);
    }
  };
  visit(root);
  if (places.length === 0) return value;
  const { holder, key } = places[at % places.length]!;
  if (how === 'remove') {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  } else if (how === 'double' && Array.isArray(holder)) holder.push(holder[Number(key)]);
  else if (how === 'add' && !Array.isArray(holder)) {
    const name = typeof value === 'string' ? value : 'more';
    Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
  } else holder[key] = value;
  return root;
}

/**
 * Loads a configuration: defaults of the schema, under a YAML file, under `POSTERN_*` variables, under the command line.
 * Says everything that is wrong at once, and never repeats a value: it may be a secret.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Static, TObject } from 'typebox';
import { Default, Errors } from 'typebox/value';
import type yaml from 'yaml';
import { type ConfigOption, isSection, listOptions, type OptionSchema } from './config-options.ts';
import { PosternError } from './errors.ts';
import { complaintWords } from './known-patterns.ts';
import { nearestName } from './nearest-name.ts';

export interface ConfigSources {
  /** Path of a YAML file; it must be readable when it is named. */
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `POSTERN_` unless told. */
  readonly prefix?: string;
  /** By option name (`listen.port`), texts or values; undefined ones are passed over. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Variables with the prefix that are not options, exact or ending in `*`. */
  readonly otherVariables?: readonly string[];
}

const maxFile = 1024 * 1024;
const wellKnownVariables = ['CONFIG', 'TEST_*', 'PROFILE'];

type Values = Record<string, unknown>;

/**
 * The frozen configuration; throws one `invalid-config` whose message lists every complaint, which `extra.complaints` holds
 * one by one. An empty variable counts as not set; lists in variables are separated by commas or written as JSON.
 */
export function loadConfig<S extends TObject>(schema: S, sources: ConfigSources): Static<S> {
  const prefix = sources.prefix ?? 'POSTERN_';
  const options = listOptions(schema, prefix);
  const complaints: string[] = [];
  const origin = new Map<string, string>();
  const values = readFile(sources.file, complaints);
  addSections(schema, values);
  const set = (option: ConfigOption, given: unknown, from: string) => {
    origin.set(option.name, from);
    if (!setAt(values, option.path, typeof given === 'string' ? fromText(option.schema, given) : given)) {
      complaints.push(`${option.name}: cannot be set (${from}), because a section above it is not a section`);
    }
  };

  const byVariable = new Map(options.map((option) => [option.variable, option]));
  const others = [...wellKnownVariables.map((name) => prefix + name), ...(sources.otherVariables ?? [])];
  for (const [variable, text] of Object.entries(sources.env ?? {})) {
    if (!variable.startsWith(prefix) || text === undefined || text === '') continue;
    const option = byVariable.get(variable);
    if (option !== undefined) set(option, text, variable);
    else if (!others.some((name) => matches(name, variable))) {
      complaints.push(`${variable}: no such variable${hint(variable, [...byVariable.keys()])}`);
    }
  }
  const byName = new Map(options.map((option) => [option.name, option]));
  for (const [name, given] of Object.entries(sources.overrides ?? {})) {
    if (given === undefined) continue;
    const option = byName.get(name);
    if (option !== undefined) set(option, given, 'command line');
    else complaints.push(`${name}: no such option${hint(name, [...byName.keys()])}`);
  }

  const complete = Default(schema, values);
  complaints.push(...check(schema, complete, options, origin));
  if (complaints.length > 0) {
    const list = complaints.map((complaint) => `\n  - ${complaint}`).join('');
    const from = sources.file === undefined ? '' : ` (file ${sources.file})`;
    throw new PosternError('invalid-config', `the configuration is not valid${from}:${list}`, {
      extra: { complaints },
    });
  }
  return freeze(complete) as Static<S>;
}

function readFile(file: string | undefined, complaints: string[]): Values {
  if (file === undefined) return {};
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    complaints.push(`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
    return {};
  }
  if (text.length > maxFile) {
    complaints.push(`${file}: larger than ${maxFile} bytes`);
    return {};
  }
  // Loaded here: a process without a file, as most agents are, is some MB smaller.
  const { parseDocument } = createRequire(import.meta.url)('yaml') as typeof yaml;
  // Plain messages: the library's pretty ones quote the line at fault, which may hold a secret.
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true });
  for (const { message, pos } of document.errors) {
    complaints.push(`${file}: line ${text.slice(0, pos[0]).split('\n').length}: ${message}`);
  }
  if (document.errors.length > 0) return {};
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Values;
  complaints.push(`${file}: not a list of options with values`);
  return {};
}

/** Makes the sections that must exist, so that their defaults apply; an empty heading in a file counts as one. */
function addSections(schema: TObject, values: Values): void {
  const needed = (schema.required as readonly string[] | undefined) ?? [];
  for (const [key, child] of Object.entries(schema.properties)) {
    if (!isSection(child)) continue;
    if (values[key] === null || (values[key] === undefined && needed.includes(key))) values[key] = {};
    const section = values[key];
    if (typeof section === 'object' && section !== null && !Array.isArray(section))
      addSections(child, section as Values);
  }
}

function setAt(values: Values, path: readonly string[], value: unknown): boolean {
  let section = values;
  for (const key of path.slice(0, -1)) {
    section[key] ??= {};
    if (typeof section[key] !== 'object' || Array.isArray(section[key])) return false;
    section = section[key] as Values;
  }
  section[path.at(-1)!] = value;
  return true;
}

/** A text in the type the option wants; what does not read as that type stays text, and the check says so. */
function fromText(schema: OptionSchema, text: string): unknown {
  const trimmed = text.trim();
  if (schema.type === 'integer' || schema.type === 'number') {
    return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : text;
  }
  if (schema.type === 'boolean') return trimmed === 'true' ? true : trimmed === 'false' ? false : text;
  if (schema.type === 'array' && !trimmed.startsWith('[')) {
    const item = schema.items ?? {};
    return trimmed.split(',').map((part) => fromText(item, part.trim()));
  }
  if (schema.type === 'string' || !/^[[{]/.test(trimmed)) return text;
  try {
    return JSON.parse(trimmed);
  } catch {
    // Left as it is: the check names the option and the type it wants.
    return text;
  }
}

function check(schema: TObject, value: unknown, options: ConfigOption[], origin: Map<string, string>): string[] {
  const errors = Errors(schema, value);
  const variables = new Map(options.map(({ name, variable }) => [name, variable]));
  // Of a choice, the complaints of every branch are listed first: one sentence about the whole says more.
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath);
  const told = new Map<string, string>();
  for (const error of errors) {
    const { keyword, instancePath, params } = error;
    if (keyword === 'additionalProperties') continue;
    const name = nameOf(instancePath);
    const inChoice = choices.some((path) => instancePath === path || instancePath.startsWith(`${path}/`));
    if (inChoice && keyword !== 'anyOf') continue;
    const from = origin.has(name) ? ` (${origin.get(name)})` : '';
    if (keyword === 'boolean') told.set(name, `${name}: no such option${hint(name, [...variables.keys()])}`);
    else if (keyword === 'required') {
      for (const missing of (params as { requiredProperties: string[] }).requiredProperties) {
        const full = name === '' ? missing : `${name}.${missing}`;
        const variable = variables.get(full);
        told.set(full, `${full}: is missing${variable === undefined ? '' : ` (or set ${variable})`}`);
      }
    } else if (keyword === 'anyOf') told.set(name, `${name}: has none of the forms allowed here${from}`);
    else if (!told.has(name)) {
      const { allowedValues } = params as { allowedValues?: unknown[] };
      const allowed = Array.isArray(allowedValues) ? `: ${allowedValues.join(', ')}` : '';
      told.set(name, `${name}: ${complaintWords(error)}${allowed}${from}`);
    }
  }
  return [...told.values()];
}

function nameOf(pointer: string): string {
  const parts = pointer.split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')).join('.');
}

function hint(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const child of Object.values(value)) freeze(child);
  return Object.freeze(value);
}

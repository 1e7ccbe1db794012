/**
 * A directory as one description: every *.yaml merged, and policies/*.cedar with policies/*.tests.yaml, named without their endings.
 * Complaints name file and place; all of them come at once.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import { parseDocument } from 'yaml';
import { PosternError } from '#shared/base/errors.ts';
import { complaintWords } from '#shared/base/known-patterns.ts';
import { type Bundle, bundle } from '#shared/contracts/admin-objects.ts';
import { type App, httpApp, tcpApp } from '#shared/contracts/app.ts';

const yamlName = /\.ya?ml$/;
/** Tests of policies live in the same directory and are no description. */
const testName = /\.tests\.ya?ml$/;

export type PolicyFiles = NonNullable<Bundle['policies']>;

/** Throws `bad-request` with every complaint in its message. */
export function readDirectory(dir: string): Bundle {
  const complaints: string[] = [];
  const merged: Record<string, unknown> = {};
  for (const name of names(dir).filter((entry) => yamlName.test(entry) && !testName.test(entry))) {
    const value = readYaml(join(dir, name), complaints);
    if (value === undefined) continue;
    complaints.push(...checkPart(name, value));
    for (const [section, given] of Object.entries(value)) {
      const before = merged[section];
      if (before === undefined) merged[section] = given;
      else if (Array.isArray(before) && Array.isArray(given)) merged[section] = [...before, ...given];
      else complaints.push(`${name}: ${section} stands in another file too`);
    }
  }
  const own = existsSync(join(dir, 'policies')) ? readDraft(join(dir, 'policies')) : { files: [], tests: [] };
  if (own.files.length > 0) {
    merged['policies'] = [...((merged['policies'] ?? []) as PolicyFiles), ...own.files];
    merged['policyTests'] = [...((merged['policyTests'] ?? []) as PolicyFiles), ...own.tests];
  }
  if (complaints.length === 0 && Object.keys(merged).length === 0) complaints.push('there is nothing to apply in it');
  refuse(dir, complaints);
  return merged as Bundle;
}

/** The *.cedar and *.tests.yaml files of a directory, by name. Throws `bad-request` when there is no policy. */
export function readPolicyDirectory(dir: string): { files: PolicyFiles; tests: PolicyFiles } {
  const draft = readDraft(dir);
  if (draft.files.length === 0) throw new PosternError('bad-request', `there is no *.cedar file in ${dir}`);
  return draft;
}

/** One app from a YAML file. */
export function readAppFile(file: string): App {
  const complaints: string[] = [];
  const value = readYaml(file, complaints);
  if (value !== undefined) complaints.push(...appComplaints(file, '', value));
  refuse(file, complaints);
  return value as unknown as App;
}

/** Throws `bad-request` for an app that was put together from flags. */
export function checkApp(app: Record<string, unknown>): App {
  refuse('the app', appComplaints('app', '', app));
  return app as unknown as App;
}

const readDraft = (dir: string) => ({ files: readFiles(dir, policyEnding), tests: readFiles(dir, testEnding) });

const policyEnding = '.cedar';
const testEnding = '.tests.yaml';

/** More is refused by the controller; here it keeps a mistaken directory from being read whole. */
const mostBytes = 1024 * 1024;

function readFiles(dir: string, ending: string): PolicyFiles {
  return names(dir)
    .filter((name) => name.endsWith(ending) && name !== ending)
    .map((name) => {
      const file = join(dir, name);
      if (statSync(file).size > mostBytes)
        throw new PosternError('bad-request', `${file} is larger than ${mostBytes} bytes`);
      return { id: basename(name, ending), text: readFileSync(file, 'utf8') };
    });
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOTDIR' ? 'is a file: give the directory that holds it' : `cannot be read: ${code}`;
    throw new PosternError('bad-request', `${dir} ${why}`, { cause });
  }
}

function readYaml(file: string, complaints: string[]): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    complaints.push(`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code}`);
    return undefined;
  }
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  complaints.push(...document.errors.map(({ message }) => `${basename(file)}: ${message.split('\n')[0]}`));
  if (document.errors.length > 0) return undefined;
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  complaints.push(`${basename(file)}: has no sections`);
  return undefined;
}

/** App by app, because of a choice of two schemas every complaint of both would be told. */
function checkPart(file: string, value: Record<string, unknown>): string[] {
  const { apps, ...rest } = value;
  const complaints = complaintsOf(file, '', bundle, rest);
  if (apps === undefined) return complaints;
  if (!Array.isArray(apps)) return [...complaints, `${file}: apps is no list`];
  for (const [index, app] of apps.entries()) {
    const id = typeof app === 'object' && app !== null && 'id' in app ? String(app.id) : String(index);
    complaints.push(...appComplaints(file, `apps.${id}`, app));
  }
  return complaints;
}

/** By the kind it says it is: what both kinds miss in it would confuse. */
function appComplaints(file: string, place: string, app: unknown): string[] {
  const kind = typeof app === 'object' && app !== null && 'kind' in app ? app.kind : 'http';
  if (kind === 'http' || kind === 'tcp') return complaintsOf(file, place, kind === 'tcp' ? tcpApp : httpApp, app);
  return [`${basename(file)}: ${place === '' ? '' : `${place}.`}kind must be http or tcp`];
}

/** For what a regular expression would not explain. */
const examples: Readonly<Record<string, string>> = {
  upstream: 'http://10.0.0.5:8080, or 10.0.0.5:7007 for tcp; without a path',
  id: 'my-app: lower-case letters, digits, dots, dashes',
};

function complaintsOf(file: string, place: string, schema: TSchema, value: unknown): string[] {
  return Errors(schema, value)
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map((error) => {
      const { instancePath, keyword } = error;
      const path = [place, ...instancePath.split('/').filter((part) => part !== '')].filter((part) => part !== '');
      const example = keyword === 'pattern' ? examples[path.at(-1) ?? ''] : undefined;
      const why =
        keyword === 'boolean'
          ? 'is not known here'
          : example === undefined
            ? complaintWords(error)
            : `is like ${example}`;
      return `${basename(file)}: ${path.join('.')} ${why}`.replace(':  ', ': ');
    });
}

function refuse(where: string, complaints: readonly string[]): void {
  if (complaints.length === 0) return;
  const list = complaints.slice(0, 30).map((complaint) => `\n  - ${complaint}`);
  throw new PosternError('bad-request', `${where} cannot be used:${list.join('')}`, { extra: { complaints } });
}

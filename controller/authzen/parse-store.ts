/**
 * A policy store's files taken apart by the official engine, which validates strictly where there is a schema. Policies and
 * templates are named by `@id`, else by file and place; links by their own id.
 */
import {
  checkParseEntities,
  type DetailedError,
  type EntityJson,
  type PolicyJson as OfficialPolicyJson,
  policySetTextToParts,
  policyToJson,
  templateToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyStoreFiles, StoreProblem } from '#shared/contracts/admin-authzen.ts';
import { findTooDeep, maxPolicyDepth } from '../policy/limit-nesting.ts';
import { policyTokens } from '../policy/policy-tokens.ts';
import { ByteOffsets, Positions } from '../policy/positions.ts';
import { readPolicy } from '../policy/read-policy.ts';
import { tellEngine } from '../policy/tell-engine.ts';
import { isObject, type Json, memberOf, readJson } from './read-json.ts';

export interface Link {
  readonly templateId: string;
  readonly newId: string;
  readonly values: Readonly<Record<string, { readonly type: string; readonly id: string }>>;
}

export interface ParsedStore {
  readonly policies: ReadonlyMap<string, OfficialPolicyJson>;
  readonly templates: ReadonlyMap<string, OfficialPolicyJson>;
  readonly links: readonly Link[];
  readonly entities: readonly EntityJson[];
  readonly schema: string | undefined;
}

export interface Parsing {
  readonly store: ParsedStore;
  readonly problems: readonly StoreProblem[];
}

const linksFile = 'links.json';
const entitiesFile = 'entities.json';
const schemaFile = 'schema.cedarschema';

export function parseStore(files: PolicyStoreFiles): Parsing {
  const problems: StoreProblem[] = [];
  const complain = (file: string, message: string, policy?: string) =>
    problems.push({
      severity: 'error',
      file,
      message: message.slice(0, 2000),
      ...(policy === undefined ? {} : { policy: policy.slice(0, 128) }),
    });
  const named = new Map<string, { file: string; text: string; json: OfficialPolicyJson; template: boolean }>();
  for (const { name, text } of files.policies) {
    const file = `policies/${name}.cedar`;
    if (isUnfit(text, file, complain)) continue;
    const parts = policySetTextToParts(text);
    if (parts.type === 'failure') {
      for (const error of parts.errors) complain(file, tell(error, text));
      continue;
    }
    const add = (texts: readonly string[], template: boolean) =>
      texts.forEach((policy, at) => {
        const answer = template ? templateToJson(policy) : policyToJson(policy);
        if (answer.type === 'failure') {
          complain(file, answer.errors.map((error) => tell(error, policy)).join(' '));
          return;
        }
        const id = answer.json.annotations?.['id'] || `${name}#${template ? 'template' : ''}${at}`;
        if (named.has(id)) complain(file, 'There are two policies of this name.', id);
        if (readPolicy(answer.json).unsafeLong)
          complain(file, 'A number is beyond 2^53 and cannot be kept exactly.', id);
        named.set(id, { file, text: policy, json: answer.json, template });
      });
    add(inTextOrder(parts.policies), false);
    add(parts.policy_templates, true);
  }
  const pick = (template: boolean) => [...named].filter(([, one]) => one.template === template);
  const links = readLinks(files.links, complain);
  for (const { templateId, newId } of links) {
    if (named.get(templateId)?.template !== true)
      complain(linksFile, `There is no template ${templateId.slice(0, 128)}.`);
    if (named.has(newId) || links.filter((link) => link.newId === newId).length > 1)
      complain(linksFile, 'There are two policies of this name.', newId);
  }
  const schema = files.schema !== undefined && isUnfit(files.schema, schemaFile, complain) ? undefined : files.schema;
  const entities = readEntities(files.entities, schema, complain);
  if (schema !== undefined && problems.length === 0) {
    const checked = validate({
      validationSettings: { mode: 'strict' },
      schema,
      policies: {
        staticPolicies: Object.fromEntries(pick(false).map(([id, { text }]) => [id, text])),
        templates: Object.fromEntries(pick(true).map(([id, { text }]) => [id, text])),
        templateLinks: links.map((link) => ({ ...link, values: { ...link.values } })),
      },
    });
    if (checked.type === 'failure') for (const error of checked.errors) complain(schemaFile, tell(error, schema));
    else
      for (const [severity, found] of [
        ['error', checked.validationErrors],
        ['warning', checked.validationWarnings],
      ] as const)
        for (const { policyId: policy, error } of found) {
          const file = named.get(policy)?.file ?? linksFile;
          problems.push({ severity, file, policy: policy.slice(0, 128), message: tell(error).slice(0, 2000) });
        }
  }
  const jsonOf = (template: boolean) => new Map(pick(template).map(([id, { json }]) => [id, json]));
  return { store: { policies: jsonOf(false), templates: jsonOf(true), links, entities, schema }, problems };
}

type Complain = (file: string, message: string, policy?: string) => void;

/** What the official engine must not be given: it would be unusable afterwards (`limit-nesting.ts`). */
function isUnfit(text: string, file: string, complain: Complain): boolean {
  const { tokens, unclosed } = policyTokens(text);
  if (unclosed !== undefined) complain(file, 'A quote opens a text that is never closed.');
  else if (findTooDeep(tokens) === undefined) return false;
  else complain(file, `This text is deeper than ${maxPolicyDepth} operators and brackets.`);
  return true;
}

/** The engine numbers policies in their order but gives them sorted by that number as text: 0, 1, 10, 2. */
function inTextOrder(policies: readonly string[]): string[] {
  const numbers = policies.map((_, at) => `${at}`).sort();
  const ordered: string[] = [];
  numbers.forEach((number, at) => {
    ordered[Number(number)] = policies[at]!;
  });
  return ordered;
}

function readLinks(text: string | undefined, complain: Complain): Link[] {
  if (text === undefined) return [];
  const json = tryJson(text, linksFile, complain);
  if (json === undefined) return [];
  const wrong = 'A link is {"templateId", "newId", "values": {"?principal": {"type", "id"}, "?resource": ...}}.';
  if (!Array.isArray(json) || !json.every(isLink)) {
    complain(linksFile, `This is no list of links. ${wrong}`);
    return [];
  }
  return json as unknown as Link[];
}

function isLink(json: Json): boolean {
  if (!isObject(json)) return false;
  const values = memberOf(json, 'values');
  const isUid = (uid: Json) => isObject(uid) && typeof uid['type'] === 'string' && typeof uid['id'] === 'string';
  return (
    typeof memberOf(json, 'templateId') === 'string' &&
    typeof memberOf(json, 'newId') === 'string' &&
    isObject(values) &&
    Object.values(values).every(isUid)
  );
}

/** Judged by the official engine too, with the schema where there is one: attributes, parents and enumerated ids. */
function readEntities(text: string | undefined, schema: string | undefined, complain: Complain): EntityJson[] {
  if (text === undefined) return [];
  const json = tryJson(text, entitiesFile, complain);
  if (json === undefined) return [];
  const shaped = (one: Json) => isObject(one) && isObject(memberOf(one, 'uid') ?? null) && !isOddShape(one);
  if (!Array.isArray(json) || !json.every(shaped)) {
    complain(entitiesFile, 'This is no list of {"uid", "attrs", "parents", "tags"}.');
    return [];
  }
  const entities = json.map((one: Json) => ({ attrs: {}, parents: [], ...(one as object) })) as unknown as EntityJson[];
  try {
    const answer = checkParseEntities({ entities, ...(schema === undefined ? {} : { schema }) });
    if (answer.type === 'failure') for (const error of answer.errors) complain(entitiesFile, tell(error));
  } catch (error) {
    // A bigint: the official package takes no Long beyond 2^53 in data.
    complain(entitiesFile, `The entities cannot be read: ${(error as Error).message}`);
  }
  return entities;
}

function isOddShape(one: Json): boolean {
  const [attrs, parents, tags] = ['attrs', 'parents', 'tags'].map((name) => memberOf(one as never, name));
  const isThing = (value: Json | undefined) => value === undefined || isObject(value);
  return !isThing(attrs) || !isThing(tags) || !(parents === undefined || Array.isArray(parents));
}

function tryJson(text: string, file: string, complain: Complain): Json | undefined {
  try {
    return readJson(text);
  } catch (error) {
    complain(file, (error as Error).message);
    return undefined;
  }
}

function tell(error: DetailedError, text?: string): string {
  const place = error.sourceLocations?.[0];
  if (text === undefined || place === undefined) return tellEngine(error);
  const line = new Positions(text).line(new ByteOffsets(text).offset(place.start));
  return `line ${line}: ${tellEngine(error)}`;
}

/** Asks the official engine and ours the same, and says in what they differ. */
import { isDeepStrictEqual } from 'node:util';
import {
  policyToJson,
  preparsePolicySet,
  type StatefulAuthorizationCall,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { PosternError } from '#shared/base/errors.ts';
import type { Ask } from '#shared/cedar/ask.ts';
import { type Answer, authorize } from '#shared/cedar/authorize.ts';
import { compilePolicy, type Policy } from '#shared/cedar/compile-policy.ts';
import { entitiesFromJson } from '#shared/cedar/entities.ts';
import { linkTemplate } from '#shared/cedar/link-template.ts';
import type { PolicyJson } from '#shared/cedar/policy-json.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import { recordFromJson, uidFromJson } from '#shared/cedar/values-from-json.ts';
import type { AskJson, Case } from './generate-case.ts';
import { printPolicy } from './print-policy.ts';

export interface Outcome {
  readonly decision: string;
  readonly determining: readonly string[];
  readonly errors: readonly string[];
}

const refused: Outcome = { decision: 'refused', determining: [], errors: [] };

/** Under one name in the official engine, which keeps what it prepared for ever. */
const prepared = 'differential';

export function askOfficial({ policies, links, asks }: Case): Outcome[] {
  const texts = (all: Readonly<Record<string, PolicyJson>>) =>
    Object.fromEntries(Object.entries(all).map(([id, policy]) => [id, printPolicy(policy)]));
  const linked = Object.entries(links);
  const parsed = preparsePolicySet(prepared, {
    staticPolicies: texts(policies),
    templates: texts(Object.fromEntries(linked.map(([id, { template }]) => [`of ${id}`, template]))),
    templateLinks: linked.map(([id, { values }]) => ({ templateId: `of ${id}`, newId: id, values: { ...values } })),
  });
  if (parsed.type !== 'success') throw new Error(`the official engine refuses: ${parsed.errors[0]?.message}`);
  return asks.map((ask) => {
    const answer = statefulIsAuthorized({
      ...ask,
      preparsedPolicySetId: prepared,
    } as unknown as StatefulAuthorizationCall);
    if (answer.type === 'failure') return refused;
    const { decision, diagnostics } = answer.response;
    return {
      decision,
      determining: diagnostics.reason.toSorted(),
      errors: diagnostics.errors.map(({ policyId }) => policyId).toSorted(),
    };
  });
}

/** `read`: how the JSON form of a policy comes to be; as it was generated unless told. */
export function compileCase(
  { policies, links }: Case,
  read: (policy: PolicyJson) => PolicyJson = (it) => it,
): Policy[] {
  return [
    ...Object.entries(policies).map(([id, policy]) => compilePolicy(id, read(policy))),
    ...Object.entries(links).map(([id, { template, values }]) => compilePolicy(id, linkTemplate(template, values))),
  ];
}

/** Throws `policy-invalid` for what the official engine refuses too. */
export function readAsk({ principal, action, resource, context, entities }: AskJson): Ask {
  return {
    principal: uidFromJson(principal),
    action: uidFromJson(action),
    resource: uidFromJson(resource),
    context: recordFromJson(context),
    entities: entitiesFromJson(entities),
  };
}

export function askOurs(one: Case, read?: (policy: PolicyJson) => PolicyJson): Outcome[] {
  const index = new ScopeIndex(compileCase(one, read));
  return one.asks.map((ask) => {
    let ready: Ask;
    try {
      ready = readAsk(ask);
    } catch (error) {
      if (error instanceof PosternError && error.code === 'policy-invalid') return refused;
      throw error;
    }
    return tell(authorize(index, ready));
  });
}

export function tell({ decision, determining, errors }: Answer): Outcome {
  return {
    decision,
    determining: determining.map(({ id }) => id).toSorted(),
    errors: errors.map(({ policy }) => policy.id).toSorted(),
  };
}

/** As the official package gives the JSON form of a text, unless a Long in it would be rounded. */
export function readBack(policy: PolicyJson): PolicyJson {
  if (holdsBigint(policy)) return policy;
  const answer = policyToJson(printPolicy(policy));
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.json as unknown as PolicyJson;
}

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(holdsBigint);
  return typeof value === 'bigint';
}

/** Throws with what each said, and about what, when the engines differ. Returns what both said to each ask. */
export function compareEngines(one: Case): readonly Outcome[] {
  const official = askOfficial(one);
  const ours = askOurs(one);
  if (!isDeepStrictEqual(official, ours)) throw difference(one, official, ours);
  if (one.readBack) {
    const back = askOurs(one, readBack);
    if (!isDeepStrictEqual(official, back)) throw difference(one, official, back, ', from the JSON form of the text');
  }
  return ours;
}

function difference({ policies, links, asks }: Case, official: Outcome[], ours: Outcome[], how = ''): Error {
  const lines = Object.entries(policies).map(([id, policy]) => `${id}: ${printPolicy(policy)}`);
  for (const [id, { template, values }] of Object.entries(links))
    lines.push(`${id}: ${printPolicy(template)} with ${JSON.stringify(values)}`);
  asks.forEach((ask, at) => {
    if (isDeepStrictEqual(official[at], ours[at])) return;
    lines.push(JSON.stringify(ask), `official ${JSON.stringify(official[at])}`, `ours     ${JSON.stringify(ours[at])}`);
  });
  return new Error(`the engines differ${how}\n${lines.join('\n')}`);
}

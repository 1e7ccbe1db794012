/** A question judged whole, and judged as a grant and a gateway do: in part, through the grant's JSON, and then the rest. */
import type { App } from '#shared/contracts/app.ts';
import { decide } from '../../controller/policy/decide.ts';
import type { Question } from '../../controller/policy/facts.ts';
import type { PolicySet } from '../../controller/policy/policy-set.ts';
import { ruleOn } from '../../controller/policy/what-rules.ts';
import { allows } from '../../gateway/grants/allows.ts';
import { RuleCompiler } from '../../gateway/grants/compile-rules.ts';

export interface Judged {
  readonly allowed: boolean;
  /** Names of the permits of an allow. */
  readonly policies: readonly string[];
}

/** `question` has everything: request, and in `facts` the address that the gateway sees. */
export function judgeWhole(set: PolicySet, question: Question): Judged {
  const { verdict, policies } = decide(set, question);
  return verdict === 'allow' ? { allowed: true, policies } : denied;
}

/** `scope`: whether the grant serves the whole app, or this request. */
export function judgeInTwo(set: PolicySet, question: Question, app: App, scope: 'app' | 'request'): Judged {
  const { request, facts } = question;
  const asked = scope === 'app' ? { ...question, request: undefined } : question;
  // The controller sees another address, and looks at it for nothing.
  const elsewhere = { ...facts, network: { address: 'not known here' } };
  const { rules } = ruleOn(set, { ...asked, facts: elsewhere, networkUnknown: true });
  if (rules === undefined) return denied;
  const compiled = new RuleCompiler().compile(JSON.parse(JSON.stringify(rules)));
  const ruled = { request, address: facts.network.address, app };
  const { verdict, policies } = allows(compiled, ruled);
  if (verdict === 'rules-unknown' && compiled === undefined) throw new Error(`not known: ${JSON.stringify(rules)}`);
  // The agent then asks for this one request, by itself (P18).
  if (verdict === 'once-needed' && scope === 'app') return judgeInTwo(set, question, app, 'request');
  const names = policies.map((number) => set.policies[number]!.name).toSorted();
  return verdict === 'allow' ? { allowed: true, policies: names } : denied;
}

const denied: Judged = { allowed: false, policies: [] };

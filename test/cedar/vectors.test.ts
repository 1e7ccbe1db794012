/** Every corner of the language that was thought of by hand: what our engine says, and that the official one agrees. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AuthorizationCall, isAuthorized, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import t from 'tap';
import { compilePolicy } from '#shared/cedar/compile-policy.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import type { PolicyJson } from '#shared/cedar/policy-json.ts';
import { readAsk } from './support/both-engines.ts';
import { withExactLongs } from './support/exact-longs.ts';
import type { AskJson } from './support/generate-case.ts';

interface Vectors {
  readonly groups: Readonly<Record<string, readonly (readonly [condition: string, outcome: string])[]>>;
}
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/cedar.json'), 'utf8')) as Vectors;

const uid = (type: string, id: string) => ({ type, id });
const ask: AskJson = {
  principal: uid('U', 'a'),
  action: uid('Action', 'r'),
  resource: uid('R', 'x'),
  context: {},
  entities: [
    {
      uid: uid('U', 'a'),
      attrs: { name: 'Ann', home: { city: 'Bern' } },
      parents: [uid('G', 'g')],
      tags: { t: 7 },
    },
    { uid: uid('G', 'g'), attrs: {}, parents: [uid('G', 'top')] },
  ],
};
const ready = readAsk(ask);

for (const [group, conditions] of Object.entries(vectors.groups))
  t.test(group, async (t) => {
    for (const [condition, outcome] of conditions) {
      const text = `permit(principal, action, resource) when { ${condition} };`;
      t.equal(askOfficial(text), /^(true|false)$/.test(outcome) ? outcome : 'error', `official: ${condition}`);
      t.equal(askOurs(text), outcome, condition);
    }
  });

function askOfficial(text: string): string {
  const answer = isAuthorized({ ...ask, policies: { staticPolicies: { p: text } } } as unknown as AuthorizationCall);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  if (answer.response.diagnostics.errors.length > 0) return 'error';
  return String(answer.response.decision === 'allow');
}

function askOurs(text: string): string {
  const answer = policyToJson(withExactLongs.hide(text));
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  try {
    return String(compilePolicy('p', withExactLongs.show(answer.json as unknown as PolicyJson)).holds(ready));
  } catch (error) {
    if (error instanceof EvaluationError) return error.fault;
    throw error;
  }
}

/** Generated policy stores, asked over HTTPS, beside the official engine: decision and determining policies are equal. */
import fc from 'fast-check';
import t from 'tap';
import type { EntityJsonUid } from '#shared/cedar/policy-json.ts';
import type { PolicyStoreFiles } from '#shared/contracts/admin-authzen.ts';
import { askOfficial } from '../../cedar/support/both-engines.ts';
import { arbitraryChoices } from '../../cedar/support/choices.ts';
import { type Case, generateCase } from '../../cedar/support/generate-case.ts';
import { printPolicy } from '../../cedar/support/print-policy.ts';
import { runServices } from '../support/run-services.ts';

const runs = Number(process.env['POSTERN_TEST_AUTHZEN_RUNS'] ?? 60);
const { ask, put, admin } = await runServices(t);
await put('generated', { policies: [{ name: 'none', text: 'forbid (principal, action, resource);' }] });
const { token } = await admin.addApiClient({ body: { name: 'differ', scopes: ['authzen:generated'] } });

/** Undefined for what no store's files can say: a Long that JSON carries to neither engine exactly. */
function filesOf({ policies, links }: Case, entities: unknown): PolicyStoreFiles | undefined {
  const texts = Object.entries(policies).map(([id, policy]) => `@id("${id}")\n${printPolicy(policy)}`);
  const templates = Object.entries(links).map(([id, { template }]) => `@id("of ${id}")\n${printPolicy(template)}`);
  const linked = Object.entries(links).map(([newId, { values }]) => ({
    templateId: `of ${newId}`,
    newId,
    values: plain(values),
  }));
  try {
    return {
      policies: [{ name: 'all', text: [...texts, ...templates].join('\n') }],
      entities: JSON.stringify(entities),
      links: JSON.stringify(linked),
    };
  } catch {
    return undefined;
  }
}

const uidOf = (uid: object): EntityJsonUid => ('__entity' in uid ? uid.__entity : uid) as EntityJsonUid;
const plain = (values: Readonly<Record<string, object>>) =>
  Object.fromEntries(Object.entries(values).map(([slot, uid]) => [slot, uidOf(uid)]));

const tally = { asked: 0, permits: 0, denies: 0, errors: 0, refused: 0 };

async function compare(one: Case): Promise<void> {
  for (const asked of one.asks) {
    const files = filesOf(one, asked.entities);
    const done = files === undefined ? undefined : await put('generated', files);
    if (done?.valid !== true) {
      tally.refused += 1;
      continue;
    }
    const [principal, action, resource] = [uidOf(asked.principal), uidOf(asked.action), uidOf(asked.resource)];
    const name = action.type === 'Action' ? action.id : `${action.type}::"${action.id}"`;
    let body: string;
    try {
      body = JSON.stringify({ subject: principal, action: { name }, resource, context: asked.context });
    } catch {
      tally.refused += 1;
      continue;
    }
    const { status, json } = await ask('/stores/generated/access/v1/evaluation', body, { token });
    if (status !== 200) throw new Error(`status ${status} for ${body}`);
    const [official] = askOfficial({ ...one, asks: [asked] });
    const said = json.context.reason_admin?.en as string | undefined;
    if (official!.decision === 'refused') {
      if (json.decision) throw new Error(`permitted what the official engine refuses: ${body}`);
      continue;
    }
    const told = {
      decision: json.decision ? 'allow' : 'deny',
      determining: namesIn(said, /(?:Permitted|Forbidden) by (.*?)\.(?: |$)/),
      errors: namesIn(said, /it failed: (.*)\.$/),
    };
    if (JSON.stringify(told) !== JSON.stringify(official))
      throw new Error(
        `${JSON.stringify(told)} is not ${JSON.stringify(official)} for ${body}\n${JSON.stringify(files)}`,
      );
    tally.asked += 1;
    tally[json.decision ? 'permits' : 'denies'] += 1;
    if (told.errors.length > 0) tally.errors += 1;
  }
}

const namesIn = (text: string | undefined, pattern: RegExp): string[] =>
  (pattern.exec(text ?? '')?.[1] ?? '').split(', ').filter((name) => name !== '');

t.test(`${runs} generated stores`, async (t) => {
  await fc.assert(
    fc.asyncProperty(arbitraryChoices(), async (choices) => compare(generateCase(choices))),
    { numRuns: runs },
  );
  t.comment(JSON.stringify(tally));
  t.ok(tally.asked > runs / 2, 'most could be asked');
  t.ok(tally.permits > 0 && tally.denies > 0 && tally.errors > 0, 'of every kind');
});

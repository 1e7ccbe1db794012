/**
 * Applies a whole description in one transaction, or nothing of it. Sites, groups, groups of apps and apps are added and
 * changed, never removed: what a description leaves out stays. Policies are one version: those given are all there are.
 */
import { isDeepStrictEqual } from 'node:util';
import { PosternError } from '#shared/base/errors.ts';
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import type { adminSystem } from '#shared/contracts/admin-system.ts';
import { checkName, postureFacts } from '#shared/contracts/posture.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import { redecideGrants } from '../grants/redecide.ts';
import type { Judged, PolicyDraft } from '../policy/judge-draft.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { readStoredPosture, writePostureSettings } from '../posture/posture-settings.ts';
import { refuseTooLarge } from '../publishing/check-sizes.ts';
import { type StoreParts, storeVersion } from '../publishing/store-version.ts';
import { versionInForce } from '../publishing/version-files.ts';
import { nextChange, readChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import { type AppParts, putApp } from './put-app.ts';
import { putGroup } from './put-group.ts';
import { putAppGroup, putSite } from './put-site.ts';
import { showGroups } from './show-people.ts';
import { policyWarnings } from './show-policy.ts';

export type AppliedChange = AnswerOf<(typeof adminSystem)['apply']>['changes'][number];
type How = AppliedChange['how'];

export interface Applied {
  readonly changes: readonly AppliedChange[];
  readonly warnings: readonly string[];
  /** The stored version, when policies differ: the caller takes it in force after the commit. */
  readonly set: PolicySet | undefined;
  /** The change number before the transaction. */
  readonly after: number;
  /** The last change number of the transaction. */
  readonly change: number;
}

export interface ApplyOrder {
  readonly bundle: Bundle;
  /** Its policies and their tests; absent when they are left out, or stand in force as they are. */
  readonly judged?: Judged | undefined;
  readonly actor: string;
  readonly message: string;
  readonly because?: string | undefined;
  readonly trace?: string | undefined;
}

/** Throws what the single changes throw, with the thing at fault in `tell`. */
export async function applyBundle(trx: Trx, at: number, parts: AppParts, order: ApplyOrder): Promise<Applied> {
  const { bundle } = order;
  const changes: AppliedChange[] = [];
  const note = (what: string, how: How) => void changes.push({ what, how });
  refuseDoubles(bundle);
  const after = await readChange(trx);
  // In the order in which they refer to each other.
  for (const site of bundle.sites ?? []) {
    await about(`site ${site.id}`, async (what) => note(what, (await putSite(trx, site)).how));
  }
  await applyGroups(trx, at, parts, bundle, note);
  for (const group of bundle.appGroups ?? []) {
    await about(`group of apps ${group.id}`, async (what) => note(what, (await putAppGroup(trx, at, group)).how));
  }
  for (const app of bundle.apps ?? []) {
    await about(`app ${app.id}`, async (what) => note(what, (await putApp(trx, at, parts, app)).how));
  }
  if (bundle.posture !== undefined) {
    await about('posture', async (what) => note(what, await applyPosture(trx, at, parts, bundle.posture!)));
  }
  const published = bundle.policies && (await applyPolicies(trx, at, parts, order, note));
  const set = parts.decider.policy();
  // Publishing looks at every app as it is by now.
  if (published === undefined && set !== undefined && bundle.apps !== undefined)
    await refuseTooLarge(trx, { set, at, timezone: parts.decider.timezone });
  return {
    changes,
    warnings: published === undefined ? [] : policyWarnings(published.warnings),
    set: published?.set,
    after,
    change: await readChange(trx),
  };
}

/** Groups may name each other as parents in any order, so all are there before the first parent is set. */
async function applyGroups(
  trx: Trx,
  at: number,
  { decider }: AppParts,
  { groups = [] }: Bundle,
  note: (what: string, how: How) => void,
): Promise<void> {
  const before = new Map((await showGroups(trx)).map((group) => [group.id, group]));
  for (const { id, name } of groups) {
    if (!before.has(id)) await about(`group ${id}`, () => putGroup(trx, at, decider, { id, name }));
  }
  for (const { id, name, members, parents = [] } of groups) {
    const known = before.get(id);
    const wanted = { name, members: (members ?? known?.members ?? []).toSorted(), parents: parents.toSorted() };
    const isSame =
      known !== undefined &&
      isDeepStrictEqual(wanted, { name: known.name, members: known.members, parents: known.parents });
    await about(`group ${id}`, async (what) => {
      if (!isSame) await putGroup(trx, at, decider, { id, name, members, parents });
      note(what, known === undefined ? 'add' : isSame ? 'same' : 'change');
    });
  }
}

async function applyPosture(
  trx: Trx,
  at: number,
  parts: AppParts,
  posture: NonNullable<Bundle['posture']>,
): Promise<How> {
  const checks = new Set((posture.checks ?? []).map(({ id }) => checkName(id)));
  const unknown = Object.keys(posture.ttl ?? {}).find(
    (fact) => !Object.hasOwn(postureFacts, fact) && !checks.has(fact),
  );
  if (unknown !== undefined) {
    throw new PosternError('bad-request', `no posture fact ${unknown}`, { tell: `There is no fact "${unknown}".` });
  }
  const before = await readStoredPosture(trx);
  if (before !== undefined && isDeepStrictEqual(before, posture)) return 'same';
  await writePostureSettings(trx, posture);
  await nextChange(trx, at);
  await redecideGrants(parts.decider, trx, at, {}, 'facts-changed');
  return before === undefined ? 'add' : 'change';
}

async function applyPolicies(
  trx: Trx,
  at: number,
  parts: StoreParts,
  { bundle, judged, actor, message, because, trace }: ApplyOrder,
  note: (what: string, how: How) => void,
) {
  const before = await versionInForce(trx);
  noteFiles('policy', before?.files ?? [], bundle.policies ?? [], note);
  noteFiles('tests', before?.tests ?? [], bundle.policyTests ?? [], note);
  if (judged === undefined && !isSameVersion(before, bundle))
    throw new PosternError('conflict', 'the version in force changed meanwhile', {
      tell: 'Another version was published meanwhile: look at it, and apply again.',
    });
  return judged && storeVersion(trx, at, parts, { judged, actor, message, because, trace });
}

/** True when what a description holds of policies stands in force as it is. */
export function isSameVersion(before: PolicyDraft | undefined, { policies = [], policyTests = [] }: Bundle): boolean {
  return before !== undefined && isSame(before.files, policies) && isSame(before.tests, policyTests);
}

const isSame = (before: readonly PolicyFile[], after: readonly PolicyFile[]): boolean =>
  before.length === after.length &&
  after.every(({ id, text }) => before.some((known) => known.id === id && known.text === text));

function noteFiles(
  what: string,
  before: readonly PolicyFile[],
  after: readonly PolicyFile[],
  note: (what: string, how: How) => void,
): void {
  const texts = new Map(before.map(({ id, text }) => [id, text]));
  for (const { id, text } of after) {
    const known = texts.get(id);
    note(`${what} ${id}`, known === undefined ? 'add' : known === text ? 'same' : 'change');
    texts.delete(id);
  }
  for (const id of texts.keys()) note(`${what} ${id}`, 'remove');
}

function refuseDoubles(bundle: Bundle): void {
  for (const section of ['sites', 'groups', 'appGroups', 'apps', 'policies', 'policyTests'] as const) {
    const ids = (bundle[section] ?? []).map(({ id }) => id);
    const twice = ids.find((id, at) => ids.indexOf(id) !== at);
    if (twice === undefined) continue;
    throw new PosternError('bad-request', `${section}: ${twice} twice`, {
      tell: `${section}: "${twice}" stands twice.`,
    });
  }
}

/** Names the thing at fault: a description has many. */
async function about(what: string, act: (what: string) => Promise<void>): Promise<void> {
  try {
    await act(what);
  } catch (error) {
    if (!(error instanceof PosternError) || error.tell === undefined) throw error;
    const { code, message, tell, extra, cause } = error;
    throw new PosternError(code, `${what}: ${message}`, { tell: `${what}: ${tell}`, ...(extra && { extra }), cause });
  }
}

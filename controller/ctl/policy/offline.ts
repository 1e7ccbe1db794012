/** Policies judged without a controller: names come from a description beside them, from what was pulled, or are not looked up. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import type { PolicyKnown } from '#shared/contracts/policy-known.ts';
import { type Judged, judgeDraft } from '../../policy/judge-draft.ts';
import type { Known } from '../../policy/known.ts';
import { withAdmin } from '../connect.ts';
import { readDirectory, readPolicyDirectory } from '../read-directory.ts';
import { flag, option } from '../show.ts';
import { readMarker } from './marker.ts';
import type { Problem, TestResult } from './tell-problems.ts';

export const offlineOptions: Readonly<Record<string, CliOption>> = {
  offline: { type: 'boolean', about: 'Without a controller' },
  with: {
    type: 'string',
    value: 'DIR',
    about: 'Offline: a description as "apply -f" takes it, for the names; the directory around policies/ unless told',
  },
};

export interface Answer {
  readonly valid: boolean;
  readonly problems: readonly Problem[];
  readonly tests: readonly TestResult[];
  /** Where names were looked up. */
  readonly names: 'controller' | 'description' | 'pulled' | 'nowhere';
}

/** Asks the controller, or with `--offline` the same code here. Throws as reading a directory does. */
export async function judgeDirectory(call: CliCall): Promise<Answer> {
  const dir = call.args[0]!;
  const draft = readPolicyDirectory(dir);
  if (!flag(call, 'offline'))
    return withAdmin(call, async (admin) => ({
      ...(await admin.validatePolicy({ body: draft })),
      names: 'controller',
    }));
  const { known, names } = findKnown(dir, option(call, 'with'));
  const { problems, tests } = judgeDraft(draft, known) as Judged;
  const valid = !problems.some(({ severity }) => severity === 'error') && tests.every(({ passed }) => passed);
  return { valid, problems: problems as Problem[], tests: tests as TestResult[], names };
}

function findKnown(dir: string, told: string | undefined): Pick<Answer, 'names'> & { known: Known | undefined } {
  const around = dirname(resolve(dir));
  const isAround = basename(resolve(dir)) === 'policies' && readdirSync(around).some((name) => /\.ya?ml$/.test(name));
  const description = told ?? (isAround ? around : undefined);
  if (description !== undefined && existsSync(join(description)))
    return { names: 'description', known: knownOfBundle(readDirectory(description)) };
  const marker = readMarker(dir);
  return marker === undefined
    ? { names: 'nowhere', known: undefined }
    : { names: 'pulled', known: knownOfMarker(marker.known) };
}

function knownOfMarker({ groups, apps, appGroups, checks, timezone }: PolicyKnown): Known {
  return {
    people: undefined,
    groups: new Map(groups.map(({ id, parents }) => [id, parents])),
    apps: new Map(apps.map((app) => [app.id, app])),
    appGroups: new Set(appGroups),
    checks: new Set(checks),
    timezone,
  };
}

function knownOfBundle({ groups = [], apps = [], appGroups = [], posture }: Bundle): Known {
  return {
    people: undefined,
    groups: new Map(groups.map(({ id, parents = [] }) => [id, parents])),
    apps: new Map(apps.map((app) => [app.id, app])),
    appGroups: new Set(appGroups.map(({ id }) => id)),
    checks: new Set((posture?.checks ?? []).map(({ id }) => id)),
    // A description has no timezone: the controller's own is told when it is made.
    timezone: 'UTC',
  };
}

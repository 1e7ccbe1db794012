/** `posternctl policy diff`: what differs between versions, drafts and directories. */
import { existsSync } from 'node:fs';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { diffPolicies, type PolicyChange } from '../../policy/diff-policies.ts';
import { diffText } from '../../policy/diff-text.ts';
import { readPolicies } from '../../policy/read-policies.ts';
import { type AdminClient, withAdmin } from '../connect.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { flag, misuse } from '../show.ts';
import { type DraftFiles, namedFiles } from './version-names.ts';

export interface Side extends DraftFiles {
  /** `version 3`, `draft_...`, `./policies`. */
  readonly label: string;
}

export interface Difference {
  readonly from: string;
  readonly to: string;
  readonly changes: readonly PolicyChange[];
  /** Unified, by lines. */
  readonly text: readonly string[];
}

export const diff: CliCommand = {
  about: 'What differs: between a directory or draft and the version in force, or between any two',
  args: '[from] [to]',
  options: {
    summary: { type: 'boolean', about: 'By policy only, without the text' },
    'exit-code': { type: 'boolean', about: 'Exit code 1 when there is a difference' },
  },
  help: `Each side is the number of a version, a draft, or a directory.
One directory or draft: what it would change in the version in force. One number: what changed since that version.
None: what the version in force changed.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const [from, to] = await chooseSides(admin, call.args);
      const found = difference(from, to);
      if (call.json) call.io.out(JSON.stringify(found));
      else tellDifference(call, found, flag(call, 'summary'));
      return flag(call, 'exit-code') && found.text.length > 0 ? 1 : 0;
    }),
};

async function chooseSides(admin: AdminClient, [first, second]: readonly string[]): Promise<[Side, Side]> {
  if (first !== undefined && second !== undefined) return [await readSide(admin, first), await readSide(admin, second)];
  const inForce = await sideInForce(admin);
  if (first === undefined) {
    const { items } = await admin.policyHistory();
    const former = items.find(({ inForce: isNow }) => !isNow);
    return [former === undefined ? nothing : await readSide(admin, `${former.epoch}`), inForce];
  }
  const side = await readSide(admin, first);
  return /^\d+$/.test(first) ? [side, inForce] : [inForce, side];
}

const nothing: Side = { label: 'nothing', files: [], tests: [] };

/** Nothing while no version is in force. */
export async function sideInForce(admin: AdminClient): Promise<Side> {
  const { items } = await admin.policyHistory();
  const current = items.find(({ inForce }) => inForce);
  return current === undefined ? nothing : readSide(admin, `${current.epoch}`);
}

export async function readSide(admin: AdminClient, name: string): Promise<Side> {
  if (/^\d{1,15}$/.test(name) && !existsSync(name)) {
    const { files, tests } = await admin.policy({ query: { epoch: Number(name) } });
    return { label: `version ${name}`, files, tests };
  }
  if (name.startsWith('draft_')) {
    const { files, tests } = await admin.policyDraft({ params: { id: name } });
    return { label: name, files, tests };
  }
  if (!existsSync(name)) throw misuse(`${name} is neither a version, a draft nor a directory`);
  return { label: name, ...readPolicyDirectory(name) };
}

/** A side that cannot be read as policies is compared as text alone. */
export function difference(from: Side, to: Side): Difference {
  const [before, after] = [readPolicies(from.files).policies, readPolicies(to.files).policies];
  const [a, b] = [from, to].map((side) => new Map(namedFiles(side).map(({ name, text }) => [name, text]))) as [
    Map<string, string>,
    Map<string, string>,
  ];
  const names = [...new Set([...a.keys(), ...b.keys()])].sort();
  const text = names.flatMap((name) => diffText(name, a.get(name), b.get(name)));
  return { from: from.label, to: to.label, changes: diffPolicies(before, after), text };
}

const signs = { added: '+', removed: '-', changed: '~', moved: '>', renamed: '>' } as const;

export function tellDifference({ io }: Pick<CliCall, 'io'>, found: Difference, summary: boolean): void {
  const { from, to, changes, text } = found;
  if (text.length === 0) {
    io.out(`${from} and ${to} are the same.`);
    return;
  }
  io.out(`${from} -> ${to}`);
  for (const { how, policy, file, effect, scope, reads, parts, before } of changes) {
    const was = [
      before?.policy === undefined ? [] : [`was "${before.policy}"`],
      before?.file === undefined ? [] : [`was in ${before.file}.cedar`],
      before?.effect === undefined ? [] : [`was a ${before.effect}`],
      before?.scope === undefined ? [] : [`was for ${before.scope}`],
      parts === undefined ? [] : [`${parts.join(', ')} changed`],
    ].flat();
    io.out(
      safeText(
        `${signs[how]} ${how} ${effect} "${policy}" (${file}.cedar) for ${scope}${was.length === 0 ? '' : `; ${was.join('; ')}`}`,
      ),
    );
    if (reads.length > 0) io.out(safeText(`    reads ${reads.join(', ')}`));
  }
  if (changes.length === 0) io.out('No policy differs: only texts, comments or tests do.');
  if (!summary) for (const line of text) io.out(safeText(line));
}

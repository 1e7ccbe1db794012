/** `posternctl policy pull`: the version in force as files, which may stand in git. What was edited there is never written over. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { withAdmin } from '../connect.ts';
import { flag, given, numbered, plural } from '../show.ts';
import { digest, type Marker, markerName, markerText, readMarker } from './marker.ts';
import { namedFiles } from './version-names.ts';
import { type NamedText, writeFiles } from './write-files.ts';

export const pull: CliCommand = {
  about: 'Write the version in force into a directory: *.cedar and *.tests.yaml',
  args: '<dir>',
  options: {
    epoch: {
      type: 'string',
      value: 'N',
      about: 'Another version; publishing it is then a conflict unless it is in force',
    },
    force: { type: 'boolean', about: 'Write over files that were edited here' },
    prune: { type: 'boolean', about: 'Remove files that the version no longer has' },
  },
  help: `Files that were edited here are kept. When the version changed one of them too, nothing is written; --force writes over them.
${markerName} keeps the number of the version: "policy publish" of the directory then refuses when somebody else published meanwhile.
Keep it in git with the rest: it also lets "policy test --offline" know the apps and groups.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const version = await admin.policy({ query: given({ epoch: numbered(call, 'epoch') }) });
      const known = await admin.policyKnown();
      const files = namedFiles(version);
      const { epoch } = version.version;
      const done = pullInto(
        call.args[0]!,
        { epoch, files, known },
        { force: flag(call, 'force'), prune: flag(call, 'prune') },
      );
      tell(call, epoch, done);
    }),
};

export interface Pulled {
  readonly written: readonly string[];
  readonly removed: readonly string[];
  /** Edited here, and the same in the version as when they were pulled. */
  readonly kept: readonly string[];
  /** Files that the version does not have. */
  readonly left: readonly string[];
}

interface Pulling {
  readonly epoch: number;
  readonly files: readonly NamedText[];
  readonly known: Marker['known'];
}

/** Throws `conflict`, before anything is written, for files that were edited. */
function pullInto(
  dir: string,
  { epoch, files, known }: Pulling,
  { force, prune }: { readonly force: boolean; readonly prune: boolean },
): Pulled {
  mkdirSync(dir, { recursive: true });
  const before = readMarker(dir)?.files ?? {};
  const textOf = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : undefined);
  const isEdited = (name: string, text: string) => !Object.hasOwn(before, name) || before[name] !== digest(text);
  const different = files.filter(({ name, text }) => textOf(name) !== text);
  const edited = different.filter(({ name }) => {
    const own = textOf(name);
    return own !== undefined && isEdited(name, own);
  });
  // Edited here and not there since the last pull: that is work to be published on top.
  const kept = force ? [] : edited.filter(({ name, text }) => before[name] === digest(text));
  const clashing = force ? [] : edited.filter((file) => !kept.includes(file));
  const changed = different.filter((file) => !kept.includes(file));
  if (clashing.length > 0) {
    const list = clashing.map(({ name }) => name).join(', ');
    throw new PosternError(
      'conflict',
      `edited in ${dir} and changed in version ${epoch} too: ${list}; nothing was written (--force writes over them)`,
    );
  }
  const names = new Set(files.map(({ name }) => name));
  const more = readdirSync(dir).filter((name) => /\.(cedar|tests\.yaml)$/.test(name) && !names.has(name));
  // A file that never came from a version is somebody's new policy: it goes only by force.
  const removed = prune ? more.filter((name) => force || !isEdited(name, textOf(name) ?? '')) : [];
  const digests = Object.fromEntries(files.map(({ name, text }) => [name, digest(text)]));
  writeFiles(dir, [...changed, { name: markerName, text: markerText({ epoch, files: digests, known }) }]);
  for (const name of removed) rmSync(join(dir, name));
  const named = (list: readonly NamedText[]) => list.map(({ name }) => name);
  return { written: named(changed), kept: named(kept), removed, left: more.filter((name) => !removed.includes(name)) };
}

function tell({ io, json, args }: CliCall, epoch: number, { written, kept, removed, left }: Pulled): void {
  if (json) {
    io.out(JSON.stringify({ epoch, written, kept, removed, left }));
    return;
  }
  for (const name of written) io.out(`wrote ${name}`);
  for (const name of removed) io.out(`removed ${name}`);
  for (const name of kept) io.err(`${name} was edited here and is kept`);
  for (const name of left)
    io.err(`${name} is not in this version: it is left there (--prune removes what came from an earlier one)`);
  io.out(`${args[0]} is version ${epoch}: ${plural(written.length, 'file')} written.`);
}

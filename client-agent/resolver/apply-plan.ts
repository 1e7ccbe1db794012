/** Carries a plan out, whole or not at all, with its journal written first; and takes it back. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import { type ChangeJournal, journalPath, readJournal, removeJournal, writeJournal } from './change-journal.ts';
import { isOurJournal } from './is-our-journal.ts';
import type { Command, Plan, Step, Wanted } from './plan.ts';
import type { System } from './system.ts';

/** Throws `conflict` where somebody else has what the plan makes, `internal` where a step fails; nothing is changed then. */
export async function applyPlan(
  system: System,
  plan: Plan,
  { zones, server }: Wanted,
  holder?: ChangeJournal['holder'],
): Promise<void> {
  const journal = journalPath(system.platform, system.root);
  if (readJournal(journal) !== undefined)
    throw new PosternError('conflict', `${journal} says that it is changed already`);
  const taken = plan.absent.find((path) => existsSync(join(system.root, path)));
  if (taken !== undefined)
    throw new PosternError('conflict', `${taken} is there already and is not Postern's: it is left alone`);
  if (plan.conflict !== undefined && (await system.run(plan.conflict)).code === 0) {
    throw new PosternError('conflict', `this system has rules for ${zones.join(', ')} already: they are left alone`);
  }
  const steps = plan.steps.map(stored);
  const held = holder === undefined ? {} : { holder };
  writeJournal(journal, { v: 1, how: plan.how, zones: [...zones], server, ...held, steps });
  let done = 0;
  try {
    for (const step of plan.steps) {
      await doStep(system, step);
      done += 1;
    }
  } catch (error) {
    // The step that failed is not undone: what it met may be somebody else's.
    await undo(system, steps.slice(0, done));
    removeJournal(journal);
    throw error;
  }
}

export interface TakenBack {
  readonly how: string;
  readonly zones: readonly string[];
  /** Files that others have changed meanwhile: they stay. */
  readonly left: readonly string[];
}

/**
 * In the reverse order; what was never done, or is gone, is no failure. Undefined when there is nothing to take back. Throws
 * `invalid-config` for a journal that no plan of ours wrote: nothing of it is done.
 */
export async function takeBack(system: System): Promise<TakenBack | undefined> {
  const path = journalPath(system.platform, system.root);
  const journal = readJournal(path);
  if (journal === undefined) return undefined;
  if (!isOurJournal(journal)) {
    const text = `${path} says what this program never wrote: nothing of it is done; look at it, take back by hand what is there, and remove it`;
    throw new PosternError('invalid-config', text);
  }
  const left = await undo(system, journal.steps);
  removeJournal(path);
  return { how: journal.how, zones: journal.zones, left };
}

async function undo(system: System, steps: ChangeJournal['steps']): Promise<string[]> {
  const left: string[] = [];
  for (const step of steps.toReversed()) {
    if (step.kind === 'file') {
      if (!removeOwn(join(system.root, step.path), step.text)) left.push(step.path);
    } else if (step.undo !== undefined) await system.run(step.undo as unknown as Command);
  }
  return left;
}

async function doStep(system: System, step: Step): Promise<void> {
  if (step.kind === 'file') {
    const path = join(system.root, step.path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, step.text, { mode: 0o644, flag: 'wx', flush: true });
    return;
  }
  const { code, said } = await system.run(step.command);
  if (code !== 0) throw new PosternError('internal', `"${step.command.join(' ')}" failed: ${said}`);
}

/** False for a file that reads otherwise than we wrote it. */
function removeOwn(path: string, text: string): boolean {
  try {
    if (readFileSync(path, 'utf8') !== text) return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  rmSync(path);
  return true;
}

const stored = (step: Step): ChangeJournal['steps'][number] => {
  if (step.kind === 'file') return { ...step };
  const undo = step.undo === undefined ? {} : { undo: [...step.undo] };
  return { kind: 'run', command: [...step.command], ...undo };
};

/**
 * Holds the system's resolver to the agent while the agent runs, and not a moment longer: `postern dns hold`, as root, beside an agent
 * that has no privilege. It takes nothing from the agent but its presence: a DNS server at the one address, of the one user.
 */
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { type Holder, isAlive, startOf } from '../keystore/profile-lock.ts';
import { applyPlan, takeBack } from './apply-plan.ts';
import { journalPath, readJournal } from './change-journal.ts';
import type { Plan, Wanted } from './plan.ts';
import type { System } from './system.ts';

const lookMs = second / 2;

export interface HeldResolver {
  /** Takes back what is changed. */
  stop(): Promise<void>;
}

export interface HoldParts {
  readonly system: System;
  readonly plan: Plan;
  readonly wanted: Wanted;
  /** Whether the agent's DNS server is there now. */
  readonly isServing: () => Promise<boolean>;
  readonly log: Log;
}

/** First takes back what one that was killed has left. Throws `conflict` while another one holds. */
export async function holdResolver({ system, plan, wanted, isServing, log }: HoldParts): Promise<HeldResolver> {
  const path = journalPath(system.platform, system.root);
  const before = readJournal(path);
  if (before?.holder !== undefined && isAlive(before.holder as Holder)) {
    throw new PosternError('conflict', `process ${before.holder.pid} holds the resolver already`);
  }
  if (before !== undefined) {
    await takeBack(system);
    log.warn({ zones: before.zones }, 'took back what a process that was killed had left');
  }
  const me = { pid: process.pid, started: startOf(process.pid) ?? '' };
  let held = false;
  let failed = '';
  let stopped = false;
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    const serving = await isServing();
    if (stopped || serving === held) return;
    if (!serving) {
      await takeBack(system);
      held = false;
      log.info({ zones: wanted.zones }, 'the agent is gone: the resolver is as it was');
      return;
    }
    try {
      await applyPlan(system, plan, wanted, me);
      held = true;
      failed = '';
      log.info({ zones: wanted.zones, how: plan.how }, 'the agent is asked for its zones');
    } catch (error) {
      // Tried again at each look: said once.
      const { message } = error as Error;
      if (message !== failed) log.error({ err: error }, 'the resolver could not be changed');
      failed = message;
    }
  }

  const timer = setInterval(() => {
    running ??= look()
      .catch((error: unknown) => log.error({ err: error }, 'a look at the agent failed'))
      .finally(() => {
        running = undefined;
      });
  }, lookMs);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
      if (held) await takeBack(system);
    },
  };
}

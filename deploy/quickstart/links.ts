/**
 * A file for each person that signs a browser in once: `open-<person>.html` in the state directory. A link is good for 30 s,
 * so the file is written anew before that, and a file once used is replaced within seconds.
 */
import { copyFileSync, renameSync } from 'node:fs';
import type { AgentClient } from './clients.ts';
import { type PersonId, people, type StateFile } from './state.ts';

const everyMs = 20_000;

export function linkFile(state: StateFile, person: PersonId): string {
  return state.path(`open-${person}.html`);
}

export async function keepLinksFresh(
  state: StateFile,
  agents: Readonly<Record<PersonId, AgentClient>>,
): Promise<{ stop(): void }> {
  const write = async (person: PersonId) => {
    const { file } = await agents[person].openLink({ body: {} });
    const target = linkFile(state, person);
    copyFileSync(file, `${target}.new`);
    renameSync(`${target}.new`, target);
  };
  await Promise.all(people.map(write));
  const timer = setInterval(() => {
    for (const person of people) {
      write(person).catch((error: unknown) => process.stderr.write(`no new link for ${person}: ${String(error)}\n`));
    }
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}

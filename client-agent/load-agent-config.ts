/** The configuration as a command line names it: `--config`, `--profile`, `--dir`, then `POSTERN_*`, then the defaults. */
import type { CliCall } from '#shared/base/cli.ts';
import { loadConfig } from '#shared/base/config.ts';
import { type AgentConfig, agentConfig } from './config.ts';

export function loadAgentConfig({ values }: Pick<CliCall, 'values'>): AgentConfig {
  const env = process.env;
  const given = (name: string) => values[name] as string | undefined;
  return loadConfig(agentConfig, {
    file: given('config') ?? env['POSTERN_CONFIG'],
    env,
    // One shell may serve posternctl as well.
    otherVariables: ['POSTERN_SOCKET', 'POSTERN_NODE'],
    overrides: { profile: given('profile'), dir: given('dir') },
  });
}

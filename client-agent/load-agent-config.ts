/** The configuration as a command line names it: `--config` (or agent.yaml of the profile), `--profile`, `--dir`, then `POSTERN_*`, then the defaults. */
import type { CliCall } from '#shared/base/cli.ts';
import { loadConfigOfDir } from '#shared/base/config-of-dir.ts';
import { type AgentConfig, agentConfig } from './config.ts';
import { profilePath } from './keystore/profile-directory.ts';

export function loadAgentConfig({ values }: Pick<CliCall, 'values'>): AgentConfig {
  const env = process.env;
  const given = (name: string) => values[name] as string | undefined;
  const sources = {
    file: given('config') ?? env['POSTERN_CONFIG'],
    env,
    // One shell may serve posternctl as well.
    otherVariables: ['POSTERN_SOCKET', 'POSTERN_NODE'],
    overrides: { profile: given('profile'), dir: given('dir') },
  };
  const dirOf = ({ dir, profile }: AgentConfig) => dir ?? profilePath(profile, env);
  return loadConfigOfDir(agentConfig, sources, { name: 'agent.yaml', dirOf });
}

/** The configuration as a command line names it: `--config`, `--profile`, `--dir`, then `POSTERN_*`, then the defaults. */
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { loadConfig } from '#shared/base/config.ts';
import { type AgentConfig, agentConfig } from './config.ts';

/** Options that every command of `postern` takes. */
export const placeOptions = {
  config: { type: 'string', value: 'FILE', about: 'YAML file with options' },
  profile: { type: 'string', value: 'NAME', about: 'Profile: one person of one organisation' },
  dir: { type: 'string', value: 'DIR', about: "The profile's directory, instead of the one named after it" },
} as const satisfies Record<string, CliOption>;

export function loadAgentConfig({ values }: Pick<CliCall, 'values'>): AgentConfig {
  const env = process.env;
  const given = (name: string) => values[name] as string | undefined;
  return loadConfig(agentConfig, {
    file: given('config') ?? env['POSTERN_CONFIG'],
    env,
    overrides: { profile: given('profile'), dir: given('dir') },
  });
}

/** Which profile a command is for. Apart from what reads it, so that `--help` loads no schema. */
import type { CliOption } from '#shared/base/cli.ts';

/** Options that every command of `postern` takes. */
export const placeOptions = {
  config: {
    type: 'string',
    value: 'FILE',
    about: 'YAML file with options; agent.yaml of the profile when it is there',
  },
  profile: { type: 'string', value: 'NAME', about: 'Profile: one person of one organisation' },
  dir: { type: 'string', value: 'DIR', about: "The profile's directory, instead of the one named after it" },
} as const satisfies Record<string, CliOption>;

/** The options that name a profile again, for commands that we tell people to run. */
import { profilePath } from '../keystore/profile-directory.ts';

/** `''`, ` --profile work` or ` --dir '/some/where'`; to be put behind a command. */
export function placeArguments(directory: string, profile: string, env: NodeJS.ProcessEnv = process.env): string {
  if (directory === profilePath('default', env)) return '';
  if (directory === profilePath(profile, env)) return ` --profile ${profile}`;
  return /^[\w./@+:-]+$/.test(directory) ? ` --dir ${directory}` : ` --dir '${directory.replaceAll("'", "'\\''")}'`;
}

/** `posternctl policy`: each verb is a file of `policy/`. Exit codes fit a build server: 1 when a policy is not valid or a what-if denies. */
import type { CliCommand } from '#shared/base/cli.ts';
import { explain } from './policy/explain.ts';
import { history } from './policy/history.ts';
import { publish } from './policy/publish.ts';
import { replay } from './policy/replay.ts';
import { rollback } from './policy/rollback.ts';
import { showVersion } from './policy/show-version.ts';
import { validate } from './policy/validate.ts';
import { whatIf } from './policy/what-if.ts';
import { whoCan } from './policy/who-can.ts';

export const policyCommands: Readonly<Record<string, CliCommand>> = {
  'policy show': showVersion,
  'policy history': history,
  'policy validate': validate,
  'policy publish': publish,
  'policy rollback': rollback,
  'policy what-if': whatIf,
  'policy explain': explain,
  'policy who-can': whoCan,
  'policy replay': replay,
};

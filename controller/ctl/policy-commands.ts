/**
 * `posternctl policy`: each verb is a file of `policy/`. Exit codes fit a build server: 0 well, 1 not
 * valid, a failed test, refused or denied, 2 not understood, 3 the controller cannot be reached.
 */
import type { CliCommand } from '#shared/base/cli.ts';
import { diff } from './policy/diff.ts';
import { approvals, approve, drafts, reject } from './policy/drafts.ts';
import { explain } from './policy/explain.ts';
import { fmt } from './policy/fmt.ts';
import { history } from './policy/history.ts';
import { publish } from './policy/publish.ts';
import { pull } from './policy/pull.ts';
import { replay } from './policy/replay.ts';
import { rollback } from './policy/rollback.ts';
import { shadowStart, shadowStatus, shadowStop } from './policy/shadow.ts';
import { showVersion } from './policy/show-version.ts';
import { test } from './policy/test.ts';
import { validate } from './policy/validate.ts';
import { whatIf } from './policy/what-if.ts';
import { whoCan } from './policy/who-can.ts';

export const policyCommands: Readonly<Record<string, CliCommand>> = {
  'policy show': showVersion,
  'policy history': history,
  'policy pull': pull,
  'policy fmt': fmt,
  'policy validate': validate,
  'policy test': test,
  'policy diff': diff,
  'policy publish': publish,
  'policy drafts': drafts,
  'policy approve': approve,
  'policy reject': reject,
  'policy approvals': approvals,
  'policy rollback': rollback,
  'policy what-if': whatIf,
  'policy explain': explain,
  'policy who-can': whoCan,
  'policy replay': replay,
  'policy shadow start': shadowStart,
  'policy shadow status': shadowStatus,
  'policy shadow stop': shadowStop,
};

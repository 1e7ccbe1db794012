/** All fuzz targets, in the order in which `all` runs them. */
import type { FuzzTarget } from './target.ts';
import { bodies } from './targets/bodies.ts';
import { connections } from './targets/connections.ts';
import { datagrams } from './targets/datagrams.ts';
import { dns } from './targets/dns.ts';
import { grant } from './targets/grant.ts';
import { head } from './targets/head.ts';
import { knock } from './targets/knock.ts';
import { localHead } from './targets/local-head.ts';
import { policy } from './targets/policy.ts';
import { posture } from './targets/posture.ts';
import { prelude } from './targets/prelude.ts';
import { records } from './targets/records.ts';
import { spool } from './targets/spool.ts';

export const targets: readonly FuzzTarget[] = [
  grant,
  posture,
  bodies,
  head,
  localHead,
  records,
  spool,
  policy,
  knock,
  datagrams,
  prelude,
  connections,
  dns,
];

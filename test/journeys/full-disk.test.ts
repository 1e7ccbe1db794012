/** Full disks and read-only ones under gateway and controller: small disks, in a mount namespace of the test's own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
const inner = join(import.meta.dirname, '../support/full-disk-in-namespace.ts');
const options = canMount ? {} : { skip: 'mounting in a namespace takes unshare and root' };
t.spawn('unshare', ['-m', process.execPath, inner], options, 'with disks of its own');

/**
 * The same with the kernel's own firewall, in a network of the test's own: `nft` takes the rules away, and the agent's probe finds out.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const found = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const missing = !found('nft', '--version')
  ? 'nft is not installed'
  : !found('unshare', '-n', 'nft', 'list', 'ruleset')
    ? 'making a network namespace takes unshare and root'
    : undefined;

const enter = 'ip link set lo up && exec "$@"';
const inner = join(import.meta.dirname, '../support/firewall-in-namespace.ts');
const options = missing === undefined ? {} : { skip: missing };
t.spawn('unshare', ['-n', 'sh', '-c', enter, 'sh', process.execPath, inner], options, 'in a network of its own');

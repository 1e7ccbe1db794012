import { execFile } from 'node:child_process';
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { refuseForeignDirectory } from '#shared/base/state-owner.ts';

const root = join(import.meta.dirname, '../..');
const isRoot = process.getuid?.() === 0;

t.test(
  'root is told who must run what makes a state directory, and has left nothing there',
  {
    skip: isRoot ? false : 'only root can give a directory away',
  },
  async (t) => {
    const dir = t.testdir({ nobody: {}, unnamed: {}, own: {} });
    const at = (name: string) => join(dir, name);
    chownSync(at('nobody'), 65_534, 65_534);
    chownSync(at('unnamed'), 3_999_999, 3_999_999);
    const commands = [
      ['controller/main.ts', 'init', '--organisation', 'X'],
      ['controller/main.ts', 'restore', '--from', 'none'],
      ['gateway/main.ts', 'join', '--invitation-file', 'none'],
    ];
    for (const [main, ...rest] of commands) {
      const asked = promisify(execFile)(process.execPath, [join(root, main!), ...rest, '--dir', at('nobody')], {
        env: {},
      });
      await t.rejects(asked, { code: 1, stderr: /belongs to nobody, .* sudo -u nobody postern-/ });
    }
    t.same(readdirSync(at('nobody')), []);
    t.throws(() => refuseForeignDirectory(at('unnamed'), 'x'), { message: /belongs to the user 3999999.*: x$/ });
    refuseForeignDirectory(at('own'), 'x');
    refuseForeignDirectory(at('none'), 'x');
    refuseForeignDirectory(at('nobody'), 'x', 1000);
  },
);

/**
 * A small git repository as the files that git's "dumb" HTTP protocol asks for: any web server can serve one, so
 * `git clone` through Postern needs nothing of the app.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const author = 'Handbook <handbook@example.com>';

const commits = [
  {
    subject: 'Start the handbook',
    files: { 'README.md': '# Handbook\n\nHow we work, in plain words. Clone it, change it, send it around.\n' },
  },
  {
    subject: 'Say what to do on the first day',
    files: {
      'first-day.md': '# Your first day\n\n1. Enrol your laptop.\n2. Say hello in the chat.\n3. Have lunch with us.\n',
    },
  },
];

/** Contents by path below the repository (`HEAD`, `info/refs`, `objects/...`); undefined where git is not installed. */
export async function buildHandbook(): Promise<ReadonlyMap<string, Buffer> | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'handbook-'));
  try {
    await runGit(folder, ['init', '--quiet', '--bare', '--initial-branch=main']);
    await runGit(folder, ['fast-import', '--quiet'], writeHistory());
    await runGit(folder, ['update-server-info']);
    return await readFiles(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The history in git's fast-import format. Times are fixed, so the commit ids are the same on every machine. */
function writeHistory(): string {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  return commits
    .map(({ subject, files }, day) => {
      const changes = Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${data(text)}`);
      const time = 1_790_000_000 + day * 86_400;
      return `commit refs/heads/main\ncommitter ${author} ${time} +0000\n${data(subject)}${changes.join('')}`;
    })
    .join('\n');
}

function runGit(folder: string, args: readonly string[], input = ''): Promise<void> {
  // Nobody's own git settings, hooks or enclosing repository may leak in.
  const env = { PATH: process.env['PATH'], GIT_DIR: folder, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  return new Promise((resolve, reject) => {
    const git = spawn('git', args, { cwd: folder, env, stdio: ['pipe', 'ignore', 'pipe'] });
    let complaint = '';
    git.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    // A git that ends before it has read all says why by its exit code.
    git.stdin.on('error', () => {});
    git.on('error', reject);
    git.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`git ${args[0]} failed: ${complaint}`))));
    git.stdin.end(input);
  });
}

async function readFiles(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path).replaceAll('\\', '/'), await readFile(path));
  }
  return files;
}

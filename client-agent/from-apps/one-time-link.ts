/**
 * The file that lets a browser in (P30). It posts its token by itself: on a command line or in an address the token would be
 * seen by every user's process list, by history and by what a browser syncs.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomId } from '#shared/base/bytes.ts';
import { escapeHtml } from '#shared/base/escape-html.ts';
import { tokenLifeMs } from './one-time-tokens.ts';

export class LinkFiles {
  readonly #directory: string;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** `directory` is made with 0700. What an agent that was killed left there is removed. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) {
      if (/^open-[0-9a-z]+\.html$/.test(name)) rmSync(join(directory, name), { force: true });
    }
  }

  /** Writes a page, readable by this user alone, that posts `token` to `action`; removes it when the token has lapsed. */
  write(action: string, token: string): string {
    const path = join(this.#directory, `open-${randomId()}.html`);
    writeFileSync(path, page(action, token), { mode: 0o600, flag: 'wx' });
    this.#timers.set(path, setTimeout(() => this.#remove(path), tokenLifeMs).unref());
    return path;
  }

  stop(): void {
    for (const path of this.#timers.keys()) this.#remove(path);
  }

  #remove(path: string): void {
    clearTimeout(this.#timers.get(path));
    this.#timers.delete(path);
    rmSync(path, { force: true });
  }
}

function page(action: string, token: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Postern</title>
<form method="post" action="${escapeHtml(action)}"><input type="hidden" name="token" value="${escapeHtml(token)}">
<button>Open Postern</button></form>
<script>document.forms[0].submit()</script>
</html>
`;
}

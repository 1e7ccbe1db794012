/** The apps of this person as the controller last told them. */
import { second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { ControllerLink } from './controller-link.ts';
import type { Sessions } from './sessions.ts';

export interface AppsOptions {
  readonly link: ControllerLink;
  readonly sessions: Sessions;
  readonly log: Log;
  readonly onChange: () => void;
}

export class AppsList {
  readonly #options: AppsOptions;
  #apps: readonly AppListed[] = [];
  #running: Promise<readonly AppListed[]> | undefined;
  #again = false;
  #later: NodeJS.Timeout | undefined;

  constructor(options: AppsOptions) {
    this.#options = options;
  }

  all(): readonly AppListed[] {
    return this.#apps;
  }

  find(id: string): AppListed | undefined {
    return this.#apps.find((app) => app.id === id);
  }

  /** Rejects when the controller could not be asked; the last list stays. One call at a time, and one more for calls in between. */
  refresh(): Promise<readonly AppListed[]> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#load().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /**
   * For events: failures are logged. What the controller puts off is asked for again when it says; for anything else the next
   * event or sign-in does.
   */
  async refreshQuietly(): Promise<void> {
    try {
      await this.refresh();
    } catch (thrown) {
      const { code, message, extra } = asPosternError(thrown);
      const againInMs = extra?.['retryAfterMs'];
      this.#options.log.info({ problem: code, why: message, againInMs }, 'the list of apps could not be refreshed');
      if (typeof againInMs === 'number') this.#refreshLater(againInMs);
    }
  }

  #refreshLater(ms: number): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => void this.refreshQuietly(), ms + Math.random() * second).unref();
  }

  clear(): void {
    if (this.#apps.length === 0) return;
    this.#apps = [];
    this.#options.onChange();
  }

  async #load(): Promise<readonly AppListed[]> {
    const { link, sessions, onChange } = this.#options;
    do {
      this.#again = false;
      if (!sessions.isSignedIn()) return this.#apps;
      try {
        const { apps } = await link.calls.apps();
        const changed = JSON.stringify(apps) !== JSON.stringify(this.#apps);
        this.#apps = apps;
        if (changed) onChange();
      } catch (thrown) {
        const error = asPosternError(thrown);
        sessions.noteRefusal(error);
        throw error;
      }
    } while (this.#again);
    return this.#apps;
  }
}

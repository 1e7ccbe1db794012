/** The wiki's pages and browser sessions, in memory and bounded: a sample app forgets when it stops. */
import { refuse } from './http-app.ts';

export interface WikiPage {
  readonly name: string;
  readonly text: string;
  readonly editor: string;
  readonly version: number;
}

export interface WikiStore {
  /** A page that was never written reads as an empty one. */
  read(name: string): WikiPage;
  write(name: string, text: string, editor: string): void;
  /** The number of this visit, or undefined when the session is unknown or another person's. */
  visit(session: string | undefined, person: string): number | undefined;
  openSession(session: string, person: string): number;
}

const home = 'Welcome to the wiki.\n\nYou reached it through Postern: it has no door of its own on any network.';
const mostPages = 500;
const mostSessions = 1000;

export function createWikiStore(): WikiStore {
  const pages = new Map<string, WikiPage>([['home', { name: 'home', text: home, editor: 'the founders', version: 1 }]]);
  const sessions = new Map<string, { readonly person: string; visits: number }>();

  return {
    read(name) {
      checkName(name);
      return pages.get(name) ?? { name, text: 'Nobody has written this page yet.', editor: 'nobody', version: 0 };
    },
    write(name, text, editor) {
      checkName(name);
      if (pages.size >= mostPages && !pages.has(name)) throw refuse(507, 'The wiki is full.');
      pages.set(name, { name, text, editor, version: (pages.get(name)?.version ?? 0) + 1 });
    },
    visit(session, person) {
      const known = sessions.get(session ?? '');
      if (known?.person !== person) return undefined;
      known.visits += 1;
      return known.visits;
    },
    openSession(session, person) {
      const [oldest] = sessions.keys();
      if (sessions.size >= mostSessions && oldest !== undefined) sessions.delete(oldest);
      sessions.set(session, { person, visits: 1 });
      return 1;
    },
  };
}

function checkName(name: string): void {
  if (!/^[a-z0-9-]{1,60}$/.test(name)) throw refuse(400, 'A page name has small letters, digits and hyphens only.');
}

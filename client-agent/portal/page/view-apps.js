/** The apps of this person: which work now, why others do not, and how to reach each. */
import { get, post } from './api.js';
import { copyable, h } from './dom.js';

export async function appsView(page) {
  const { apps } = await get('apps');
  const refresh = async () => {
    await post('apps').catch(page.fail);
    await page.reload();
  };
  const sorted = apps.toSorted((a, b) => Number(b.usable) - Number(a.usable) || a.name.localeCompare(b.name));
  return [
    h(
      'div',
      { class: 'heading' },
      h('h1', {}, 'Apps'),
      h('button', { type: 'button', class: 'quiet', 'data-key': 'refresh', onclick: refresh }, 'Refresh'),
    ),
    apps.length === 0 ? h('p', { class: 'card' }, 'There are no apps for you yet. Ask your administrator.') : undefined,
    h(
      'ul',
      { class: 'cards' },
      sorted.map((app) => h('li', { class: 'card app', 'data-app': app.id }, appCard(app))),
    ),
  ];
}

function appCard({ id, name, description, kind, usable, why, fixes, link, command }) {
  const status = usable ? h('span', { class: 'badge good' }, 'ready') : h('span', { class: 'badge warn' }, 'not now');
  return [
    h('h2', {}, name, ' ', status),
    description === undefined ? undefined : h('p', { class: 'about' }, description),
    usable ? undefined : reason(why, fixes),
    kind === 'http'
      ? h(
          'p',
          { class: 'actions' },
          h(
            'a',
            {
              class: usable ? 'button' : 'button secondary',
              href: link,
              target: '_blank',
              rel: 'noopener',
              'data-key': `open ${id}`,
              'aria-label': `Open ${name}`,
            },
            usable ? 'Open' : 'Try anyway',
          ),
        )
      : [h('p', { class: 'hint' }, 'In a terminal:'), copyable(command)],
  ];
}

/** Why not, and each way to change it, with a link where this page has one. */
export function reason(why, fixes = []) {
  return h(
    'div',
    { class: 'reason' },
    why === undefined ? undefined : h('p', {}, why),
    fixes.length === 0 ? undefined : h('ul', {}, fixes.map(fixLine)),
  );
}

const places = {
  'sign-in': ['#/sign-in', 'Sign in'],
  'second-factor': ['#/step-up', 'Confirm now'],
  posture: ['#/device', 'See this device'],
};

export function fixLine({ kind, text }) {
  const [href, label] = places[kind] ?? [];
  return h('li', {}, text, href === undefined ? undefined : [' ', h('a', { href, 'data-key': `fix ${text}` }, label)]);
}

/** The portal page: which view is shown, what it knows, and how it stays up to date. */
import { get, post } from './api.js';
import { ago, h, show, update } from './dom.js';
import { accountView } from './view-account.js';
import { appsView } from './view-apps.js';
import { deviceView } from './view-device.js';
import { refusalsView } from './view-refusals.js';
import { signInView } from './view-sign-in.js';
import { waitingNotices } from './waiting.js';

const place = (id) => document.getElementById(id);

/** `live`: shown again whenever something changes; the others hold forms. */
const views = {
  apps: { title: 'Apps', make: appsView, live: true },
  device: { title: 'This device', make: deviceView, live: true },
  refusals: { title: 'Refusals', make: refusalsView, live: true },
  account: { title: 'Account', make: accountView, live: false },
  'sign-in': { title: 'Sign in', make: signInView, live: false, hidden: true },
  'step-up': { title: 'Confirm it is you', make: signInView, live: false, hidden: true },
};

/** What every view is given. `pinned`: the view stays until the person leaves it, whatever changes meanwhile. */
const page = { state: undefined, holds: [], pinned: false, failure: undefined, go, reload, fail };

let shownRoute = '';

function go(view, query = {}) {
  const search = new URLSearchParams(query).toString();
  location.hash = `#/${view}${search === '' ? '' : `?${search}`}`;
}

function route() {
  const [name = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const { signedIn, idle } = page.state.session;
  let view = Object.hasOwn(views, name) ? name : 'apps';
  // Without a session there is one thing to do; the device's own page works for everybody.
  if ((!signedIn || idle) && view !== 'device') view = 'sign-in';
  if (signedIn && !idle && view === 'sign-in') view = 'apps';
  return { view, query: new URLSearchParams(search) };
}

/** Fetches what all views share, then shows the one that is asked for. */
async function reload() {
  try {
    const [state, { holds }] = await Promise.all([get('state'), get('holds')]);
    page.state = state;
    page.holds = holds;
    if (page.failure?.code === 'agent-away') forgetFailure();
    await render();
  } catch (error) {
    fail(error);
  }
}

async function render() {
  const { view, query } = route();
  frame(view);
  if (page.pinned) return;
  const { make, live, title } = views[view];
  const key = `${view}?${query}`;
  if (key === shownRoute && !live) return;
  const isNew = key !== shownRoute;
  shownRoute = key;
  document.title = `${title} \u2013 Postern`;
  const content = await make(page, query, view);
  // Another view may have been asked for meanwhile.
  if (shownRoute !== key) return;
  if (!isNew && isTyping()) return;
  (isNew ? show : update)(place('main'), content);
  place('main').setAttribute('aria-busy', 'false');
  if (isNew) (place('main').querySelector('[autofocus]') ?? place('main')).focus();
}

function isTyping() {
  const { activeElement } = document;
  return place('main').contains(activeElement) && activeElement.matches('input, textarea');
}

/** Everything around the view. */
function frame(current) {
  const { organisation, person, device, session, profile } = page.state;
  place('organisation').textContent = organisation;
  const signOut = h('button', { type: 'button', class: 'small', 'data-key': 'sign-out', onclick: leave }, 'Sign out');
  update(
    place('who'),
    h('span', {}, h('strong', {}, person.name), ` on ${device.id}`),
    session.signedIn ? signOut : h('span', { class: 'badge' }, 'signed out'),
  );
  const links = Object.entries(views)
    .filter(([name, { hidden }]) => !hidden && (name === 'device' || (session.signedIn && !session.idle)))
    .map(([name, { title }]) =>
      h('a', { href: `#/${name}`, 'data-key': name, 'aria-current': name === current ? 'page' : undefined }, title),
    );
  if (!session.signedIn || session.idle) {
    links.unshift(h('a', { href: '#/sign-in', 'aria-current': current === 'sign-in' ? 'page' : undefined }, 'Sign in'));
  }
  update(place('nav'), links);
  place('nav').hidden = false;
  update(place('notices'), [...waitingNotices(page), ...stateNotices(page.state)]);
  place('footer').textContent = `Profile ${profile}`;
}

function stateNotices({ controller, device, posture }) {
  const notices = [];
  if (controller.reachable === false) {
    const { trouble, failure } = controller;
    const why = trouble?.says ?? `The controller cannot be reached${failure === undefined ? '' : ` (${failure})`}.`;
    notices.push(
      h(
        'p',
        { class: 'notice bad', 'data-leg': trouble?.leg },
        `${why} ${trouble?.fix ?? ''} What is open stays open for a minute at most.`,
      ),
    );
  }
  if (device.state !== 'active') {
    notices.push(
      h(
        'p',
        { class: 'notice bad' },
        `This device is ${device.state}. Its fingerprint, to compare with your administrator: `,
        h('code', {}, device.fingerprint),
      ),
    );
  }
  if (posture.failing.length > 0) {
    notices.push(
      h(
        'p',
        { class: 'notice' },
        'Something on this device is not as it should be. ',
        h('a', { href: '#/device' }, 'What to do'),
      ),
    );
  }
  return notices;
}

async function leave() {
  await post('sign-out').catch(fail);
  await reload();
}

/** Shows what went wrong until the person goes to another view, or the agent answers again. */
function fail(error) {
  console.warn(error);
  page.failure = error;
  const trace = error.trace === undefined ? undefined : h('code', {}, ` ${error.trace}`);
  show(place('failure'), h('p', { class: 'notice bad' }, error.message, trace));
}

function forgetFailure() {
  page.failure = undefined;
  show(place('failure'));
}

/** Only while the page is seen: a browser allows six connections to one site, and this one stays open. */
let stream;
let planned;

function follow() {
  stream?.close();
  stream = undefined;
  if (document.hidden) return;
  stream = new EventSource('/api/events');
  stream.addEventListener('message', () => {
    // Events come in bursts.
    clearTimeout(planned);
    planned = setTimeout(reload, 100);
  });
}

document.addEventListener('visibilitychange', follow);
addEventListener('hashchange', () => {
  page.pinned = false;
  forgetFailure();
  return page.state === undefined ? reload() : render().catch(fail);
});
setInterval(() => {
  for (const time of document.querySelectorAll('time')) time.textContent = ago(Date.parse(time.dateTime)).textContent;
}, 15_000);

await reload();
follow();

/** What waits for this person now: requests that are held until they act, or give up. */
import { remove } from './api.js';
import { h } from './dom.js';

/** One notice for each hold, most urgent first. */
export function waitingNotices({ holds, reload, fail }) {
  return holds.toSorted((a, b) => a.until - b.until).map((hold) => waitingNotice(hold, { reload, fail }));
}

function waitingNotice({ id, app, kind, purpose, request, until, detail, fixes, client }, { reload, fail }) {
  const asked = request === undefined ? 'A connection' : `${request.method} ${request.path}`;
  // Whoever confirms should know that it is not their own doing.
  const what = client === undefined ? asked : `${asked} of the client ${client}`;
  const act =
    kind === 'step-up'
      ? h(
          'a',
          { class: 'button', href: `#/${purpose === 'step-up' ? 'step-up' : 'sign-in'}`, 'data-key': `act ${id}` },
          'Confirm it is you',
        )
      : h('a', { class: 'button', href: '#/device', 'data-key': `act ${id}` }, 'What to put right');
  const giveUp = async () => {
    await remove(`holds/${encodeURIComponent(id)}`).catch(fail);
    await reload();
  };
  const left = Math.max(0, Math.round((until - Date.now()) / 1000));
  return h(
    'section',
    { class: 'notice waiting', 'aria-label': `${app} waits for you` },
    h(
      'div',
      {},
      h('strong', {}, `${app} waits for you`),
      h('p', {}, `${what} goes on as soon as you act; it waits ${left} s more.`),
    ),
    detail === undefined ? undefined : h('p', {}, detail),
    fixes.length === 0
      ? undefined
      : h(
          'ul',
          {},
          fixes.map(({ text }) => h('li', {}, text)),
        ),
    h(
      'div',
      { class: 'actions' },
      act,
      h('button', { type: 'button', class: 'quiet', 'data-key': `no ${id}`, onclick: giveUp }, 'Give up'),
    ),
  );
}

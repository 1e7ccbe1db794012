/** One's own account: factors, devices, sessions, recent access. */
import { get, post, remove } from './api.js';
import { ago, field, fromNow, h, show } from './dom.js';
import { recoveryCodes, totpDetails } from './view-sign-in.js';

export async function accountView(page) {
  const whole = h('div', {});
  const redraw = async () => show(whole, await parts(page, redraw));
  await redraw();
  return whole;
}

async function parts(page, redraw) {
  const [me, { factors }, { devices }, { sessions }, { records }, { notices }] = await Promise.all(
    ['me', 'me/factors', 'me/devices', 'me/sessions', 'me/access?limit=25', 'me/notices'].map(get),
  );
  const act = { page, redraw };
  return [
    h('h1', {}, 'Account'),
    h(
      'p',
      { class: 'hint' },
      `${me.person.name} (${me.person.id}), signed in with ${methodWords(me.amr)}; the session ends ${fromNow(me.expiresInMs)}.`,
    ),
    ...(notices.length === 0
      ? []
      : [h('section', { class: 'card', 'aria-labelledby': 'notices' }, noticesPart(notices))]),
    h('section', { class: 'card', 'aria-labelledby': 'factors' }, factorsPart(factors, act)),
    h('section', { class: 'card', 'aria-labelledby': 'devices' }, devicesPart(devices, act)),
    h('section', { class: 'card', 'aria-labelledby': 'sessions' }, sessionsPart(sessions, act)),
    h('section', { class: 'card', 'aria-labelledby': 'access' }, accessPart(records)),
  ];
}

/** P5: what others did, before everything else on the page. */
function noticesPart(notices) {
  const rows = notices.map((notice) => [
    ago(notice.at),
    notice.what,
    notice.new ? h('span', { class: 'badge bad' }, 'new') : '',
  ]);
  return [h('h2', { id: 'notices' }, 'What others did to your account'), table(['When', 'What', ''], rows)];
}

/** The session's methods in words (RFC 8176); `mfa` only says that there were two. */
const methods = { pwd: 'password', otp: 'one-time code', recovery: 'recovery code' };
const methodWords = (amr) =>
  amr
    .filter((method) => method !== 'mfa')
    .map((method) => methods[method] ?? method)
    .join(' and ');

const kinds = { password: 'Password', totp: 'Authenticator app', 'recovery-codes': 'Recovery codes' };

function factorsPart(factors, act) {
  const place = h('div', { 'aria-live': 'polite' });
  const rows = factors.map(({ id, kind, name, createdAt, left }) => [
    kinds[kind] ?? kind,
    `${name}${left === undefined ? '' : ` (${left} left)`}`,
    ago(createdAt),
    kind === 'totp' ? removeButton(`me/factors/${id}`, `Remove ${name}`, act) : '',
  ]);
  return [
    h('h2', { id: 'factors' }, 'How you sign in'),
    table(['Factor', 'Name', 'Since', ''], rows),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'secondary', onclick: () => passwordForm(place) }, 'Change the password'),
      h(
        'button',
        { type: 'button', class: 'secondary', onclick: () => totpForm(place, act) },
        'Add an authenticator app',
      ),
      h('button', { type: 'button', class: 'secondary', onclick: () => newCodes(place, act) }, 'New recovery codes'),
    ),
    place,
  ];
}

function passwordForm(place) {
  const current = field('Password now', { type: 'password', autocomplete: 'current-password', required: true });
  const next = field('New password', { type: 'password', autocomplete: 'new-password', required: true });
  const again = field('The new one again', { type: 'password', autocomplete: 'new-password', required: true });
  const given = (one) => one.querySelector('input').value;
  showForm(place, [current, next, again], 'Change', async () => {
    if (given(next) !== given(again)) throw new Error('The two new ones are not the same.');
    await post('me/password', { current: given(current), next: given(next) });
    show(place, h('p', { class: 'done' }, 'The password is changed.'));
  });
}

async function totpForm(place, { redraw, page }) {
  await trying(place, page, async () => {
    const totp = await post('me/totp');
    const code = field('Code that the app shows now', {
      type: 'text',
      inputmode: 'numeric',
      autocomplete: 'one-time-code',
      required: true,
    });
    showForm(place, [totpDetails(totp), code], 'Confirm', async () => {
      await post(`me/totp/${totp.id}`, { code: code.querySelector('input').value.replaceAll(/\s/g, '') });
      await redraw();
    });
  });
}

async function newCodes(place, { redraw, page }) {
  if (!confirm('New recovery codes end the old ones. Go on?')) return;
  await trying(place, page, async () => {
    const { codes } = await post('me/recovery-codes');
    show(place, recoveryCodes(codes, redraw));
  });
}

/** A factor may have to be confirmed first: then there is a link. */
async function trying(place, page, act) {
  try {
    await act();
  } catch (error) {
    show(place, h('p', { class: 'error', role: 'alert' }, error.message, ' ', stepUpLink(error)));
    if (error.code === 'session-required' || error.code === 'session-idle') await page.reload();
  }
}

function stepUpLink({ code }) {
  return code === 'step-up-required' ? h('a', { href: '#/step-up' }, 'Confirm it is you') : '';
}

function showForm(place, fields, label, submit) {
  const message = h('p', { class: 'error', role: 'alert' });
  const form = h(
    'form',
    { novalidate: true },
    fields,
    message,
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'submit' }, label),
      h('button', { type: 'button', class: 'quiet', onclick: () => show(place) }, 'Cancel'),
    ),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      await submit();
    } catch (error) {
      show(message, error.message, ' ', stepUpLink(error));
    }
  });
  show(place, form);
  form.querySelector('input').focus();
}

function devicesPart(devices, act) {
  const rows = devices.map(({ id, name, os, state, enrolledAt, lastSeenAt, here, fingerprint }) => [
    h('span', { title: fingerprint }, here ? h('strong', {}, `${name} (this one)`) : name),
    os,
    state,
    ago(enrolledAt),
    lastSeenAt === undefined ? '\u2013' : ago(lastSeenAt),
    removeButton(
      `me/devices/${id}`,
      `Take ${name} out of service`,
      act,
      here ? 'This is the device you use now. Take it out of service?' : undefined,
    ),
  ]);
  return [
    h('h2', { id: 'devices' }, 'Your devices'),
    table(['Device', 'System', 'State', 'Since', 'Last seen', ''], rows),
  ];
}

function sessionsPart(sessions, act) {
  const rows = sessions.map(({ id, device, startedAt, lastActiveAt, here }) => [
    here ? h('strong', {}, 'This one') : device,
    ago(startedAt),
    ago(lastActiveAt),
    removeButton(`me/sessions/${id}`, `End the session on ${device}`, act),
  ]);
  return [h('h2', { id: 'sessions' }, 'Where you are signed in'), table(['Device', 'Since', 'Last used', ''], rows)];
}

function removeButton(path, label, { page, redraw }, question = `${label}?`) {
  const act = async () => {
    if (!confirm(question)) return;
    try {
      await remove(path);
      await redraw();
    } catch (error) {
      page.fail(error);
      if (error.code === 'session-required') await page.reload();
    }
  };
  return h(
    'button',
    { type: 'button', class: 'small', 'aria-label': label, onclick: act },
    path.includes('sessions') ? 'End' : 'Remove',
  );
}

function accessPart(records) {
  const rows = records.map(({ time, kind, app, request, verdict, reasons, trace }) => [
    ago(time),
    [kind, app].filter(Boolean).join(' '),
    request === undefined ? '' : h('code', {}, `${request.method} ${request.path}`),
    verdict === 'none'
      ? ''
      : h(
          'span',
          { class: `badge ${{ allow: 'good', deny: 'bad' }[verdict] ?? ''}`, title: `trace ${trace}` },
          verdict,
        ),
    reasons.join(', '),
  ]);
  return [h('h2', { id: 'access' }, 'Recent access'), table(['When', 'What', 'Request', 'Verdict', 'Reasons'], rows)];
}

function table(names, rows) {
  if (rows.length === 0) return h('p', { class: 'hint' }, 'None.');
  return h(
    'div',
    { class: 'scroll', tabindex: 0 },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          names.map((name) => h('th', { scope: 'col' }, name)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((cells) =>
          h(
            'tr',
            {},
            cells.map((cell) => h('td', {}, cell)),
          ),
        ),
      ),
    ),
  );
}

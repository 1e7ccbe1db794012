/** Signing in, stepping up, coming back from idleness, first factors: one flow, shown step by step. */
import { post } from './api.js';
import { copyable, field, h, qrPicture, show } from './dom.js';

const headings = {
  'sign-in': 'Sign in',
  'step-up': 'Confirm it is you',
  resume: 'Welcome back',
};

export async function signInView(page, query, view) {
  const place = h('div', { class: 'card form-card' });
  const flow = { page, query, place, state: undefined, method: undefined };
  await begin(flow, view === 'step-up' ? 'step-up' : page.state.session.idle ? 'resume' : 'sign-in');
  return place;
}

async function begin(flow, purpose) {
  flow.purpose = purpose;
  try {
    take(flow, await post('sign-in', { purpose }));
  } catch (error) {
    show(
      flow.place,
      h('h1', {}, headings[purpose]),
      h('p', { class: 'error', role: 'alert' }, error.message),
      h('button', { type: 'button', autofocus: true, onclick: () => begin(flow, purpose) }, 'Try again'),
    );
  }
}

async function take(flow, state) {
  flow.state = state;
  flow.method = state.methods[0];
  // Asking for the secret needs nothing from the person.
  if (state.step === 'set-totp') return answer(flow, 'set-totp');
  if (state.step === 'done') return finish(flow);
  flow.page.pinned = false;
  return draw(flow);
}

async function answer(flow, method, value) {
  // The news of the new session may come before the answer with the recovery codes.
  flow.page.pinned = true;
  try {
    const path = `sign-in/${encodeURIComponent(flow.state.flow)}`;
    await take(flow, await post(path, value === undefined ? { method } : { method, value }));
  } catch (error) {
    flow.page.pinned = false;
    if (error.code === 'sign-in-flow') return begin(flow, flow.purpose);
    const wait = error.retryAfterMs === undefined ? '' : ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.`;
    draw(flow, `${error.message}${wait}`);
  }
}

const prompts = {
  password: { label: 'Password', type: 'password', autocomplete: 'current-password', other: 'Use your password' },
  totp: {
    label: 'One-time code',
    type: 'text',
    inputmode: 'numeric',
    autocomplete: 'one-time-code',
    pattern: '[0-9 ]{6,9}',
    hint: 'The six digits that your authenticator app shows now',
    other: 'Use your authenticator app',
  },
  'recovery-code': {
    label: 'Recovery code',
    type: 'text',
    autocomplete: 'off',
    hint: 'One of the codes you kept when you set up; each works once',
    other: 'Use a recovery code',
  },
  'set-password': {
    label: 'New password',
    type: 'password',
    autocomplete: 'new-password',
    hint: 'A sentence of a few words is good; at least 15 characters are safe',
  },
  'confirm-totp': {
    label: 'Code that the app shows now',
    type: 'text',
    inputmode: 'numeric',
    autocomplete: 'one-time-code',
    pattern: '[0-9 ]{6,9}',
  },
};

function draw(flow, error) {
  const { state, method, purpose } = flow;
  const prompt = prompts[method];
  if (prompt === undefined)
    return show(
      flow.place,
      h('p', { class: 'error' }, 'This way of signing in is not known to this page. Use "postern login".'),
    );
  const { label, hint, other: _, ...attributes } = prompt;
  const input = field(label, { ...attributes, name: method, required: true, autofocus: true }, hint);
  const again =
    method === 'set-password'
      ? field('The same again', { type: 'password', autocomplete: 'new-password', required: true })
      : undefined;
  const message = h('p', { class: 'error', role: 'alert' }, error ?? '');
  const form = h(
    'form',
    { novalidate: true },
    introOf(state, method),
    input,
    again,
    message,
    h('button', { type: 'submit' }, 'Continue'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const given = input.querySelector('input').value;
    if (given === '') return say(message, 'Nothing was given.');
    if (again !== undefined && again.querySelector('input').value !== given)
      return say(message, 'The two are not the same.');
    form.querySelector('[type=submit]').disabled = true;
    return answer(flow, method, /totp|code/.test(method) ? given.replaceAll(/\s/g, '') : given);
  });
  const others = state.methods.filter((one) => one !== method && prompts[one]?.other !== undefined);
  show(
    flow.place,
    h('h1', {}, headings[purpose]),
    h('p', {}, h('strong', {}, state.person.name)),
    form,
    others.length === 0
      ? undefined
      : h(
          'div',
          { class: 'actions' },
          others.map((one) =>
            h(
              'button',
              { type: 'button', class: 'quiet', onclick: () => draw(Object.assign(flow, { method: one })) },
              prompts[one].other,
            ),
          ),
        ),
  );
  return input.querySelector('input').focus();
}

function say(message, text) {
  message.textContent = text;
}

function introOf({ totp }, method) {
  if (method === 'set-password') return h('p', {}, 'This is your first sign-in. Choose a password.');
  if (method !== 'confirm-totp' || totp === undefined) return undefined;
  return [
    h('p', {}, 'Add Postern to your authenticator app: scan the picture, or type the secret.'),
    totpDetails(totp),
  ];
}

/** For first factors here and for a new authenticator app in the account. */
export function totpDetails({ secret, uri, qr }) {
  return h(
    'div',
    { class: 'totp' },
    qrPicture(qr),
    h(
      'div',
      {},
      copyable(secret, 'Copy the secret'),
      h('p', {}, h('a', { href: uri }, 'Open in an app on this device')),
    ),
  );
}

/** Codes are shown once: the person says when they are kept. */
export function recoveryCodes(codes, onKept) {
  return [
    h('h2', {}, 'Recovery codes'),
    h(
      'p',
      {},
      'If you lose your authenticator app, one of these lets you in. Keep them on paper or in a password manager; they are shown only now.',
    ),
    h(
      'ul',
      { class: 'codes' },
      codes.map((code) => h('li', {}, h('code', {}, code))),
    ),
    h(
      'div',
      { class: 'actions' },
      copyable(codes.join('\n'), 'Copy all'),
      h('button', { type: 'button', autofocus: true, onclick: onKept }, 'I have kept them'),
    ),
  ];
}

async function finish(flow) {
  const codes = flow.state.recoveryCodes;
  if (codes !== undefined && codes.length > 0) {
    show(
      flow.place,
      recoveryCodes(codes, () => leave(flow)),
    );
    flow.place.querySelector('[autofocus]').focus();
    return;
  }
  await leave(flow);
}

/** Back to the app the person came from, by a link of their own choosing, or to the list of apps. */
async function leave({ page, query, place }) {
  // The person has gone elsewhere while the last answer was on its way.
  if (!place.isConnected) return;
  const app = query.get('app') ?? '';
  const then = query.get('then') ?? '/';
  if (/^[a-z0-9][a-z0-9-]*$/.test(app) && /^\/(?![/\\])/.test(then)) {
    const link = `http://${app}.localhost:${page.state.port}${then}`;
    show(
      place,
      h('h1', {}, 'Done'),
      h('p', { class: 'actions' }, h('a', { class: 'button', href: link, autofocus: true }, `Go on to ${app}`)),
    );
    place.querySelector('[autofocus]').focus();
    return;
  }
  page.pinned = false;
  page.go('apps');
  await page.reload();
}

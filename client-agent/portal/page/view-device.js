/** This device: what it is, what it tells the controller (P31), and whether its connections work. */
import { get, post } from './api.js';
import { ago, fromNow, h, show } from './dom.js';

export async function deviceView(page) {
  const { posture, now } = await get('posture');
  const lookAgain = async ({ currentTarget }) => {
    currentTarget.disabled = true;
    await post('posture').catch(page.fail);
    await page.reload();
  };
  return [
    h(
      'div',
      { class: 'heading' },
      h('h1', {}, 'This device'),
      h('button', { type: 'button', 'data-key': 'look', onclick: lookAgain }, 'Look again'),
    ),
    h('section', { class: 'card', 'aria-label': 'Device' }, deviceFacts(page.state)),
    posture === null
      ? h('p', { class: 'card' }, 'Nothing has been looked at yet.')
      : h('section', { 'aria-labelledby': 'posture' }, postureLines(posture, now)),
    h('section', { class: 'card', 'aria-labelledby': 'doctor' }, doctor(page)),
  ];
}

function deviceFacts({ device, certificate, controller, session, clockOffsetMs }) {
  const offset =
    clockOffsetMs === undefined ? 'not known' : `${Math.round(clockOffsetMs / 1000)} s against the controller`;
  const rows = [
    ['Device', device.id],
    ['State', device.state],
    ['Fingerprint', device.fingerprint],
    [
      'Session',
      session.signedIn ? `ends ${fromNow(session.expiresInMs ?? 0)}${session.idle ? ', idle' : ''}` : 'signed out',
    ],
    ['Certificate', `ends ${fromNow(certificate.endsInMs)}, renewed ${fromNow(certificate.renewsInMs)}`],
    [
      'Controller',
      `${controller.addresses.join(', ')} ${controller.reachable === false ? `not reached: ${controller.trouble?.leg ?? controller.failure ?? ''}` : 'reached'}`,
    ],
    ['Clock', offset],
  ];
  return h(
    'dl',
    { class: 'facts' },
    rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

const words = { pass: 'good', fail: 'bad', unknown: 'unknown', stale: 'too old' };
const colours = { pass: 'good', fail: 'bad', unknown: 'warn', stale: 'warn' };
const order = { fail: 0, unknown: 1, stale: 1, pass: 2 };

function postureLines({ lines, reportedAt, failure, seq }, now) {
  const sorted = lines.toSorted((a, b) => order[a.judged ?? a.status] - order[b.judged ?? b.status]);
  return [
    h('h2', { id: 'posture' }, 'What this device tells'),
    h(
      'p',
      { class: 'hint' },
      'Every value that leaves this device stands here. Looked at ',
      ago(reportedAt, now),
      failure === undefined ? `, report ${seq ?? ''}.` : h('strong', {}, `; it could not be sent: ${failure.title}`),
    ),
    h(
      'ul',
      { class: 'list' },
      sorted.map((line) => h('li', { class: 'card posture', 'data-fact': line.id }, postureLine(line))),
    ),
  ];
}

function postureLine({ id, kind, title, status, sent, detail, detailIsSent, judged, freshForMs, fix }) {
  const state = judged ?? status;
  const counted = judged === undefined || judged === status ? '' : `; the controller counts it as ${words[judged]}`;
  const fresh = freshForMs === undefined || freshForMs <= 0 ? '' : `, to be looked at again ${fromNow(freshForMs)}`;
  return [
    h('h3', {}, h('span', { class: `badge ${colours[state]}` }, words[state]), ' ', title),
    h(
      'p',
      { class: 'hint' },
      kind === 'check' ? 'Check of your organisation ' : '',
      h('code', {}, id),
      ', sent: ',
      h('code', {}, sentText(sent)),
      counted,
      fresh,
    ),
    detail === undefined
      ? undefined
      : h('p', {}, detail, detailIsSent ? '' : h('span', { class: 'hint' }, ' (stays on this device)')),
    fix === undefined ? undefined : h('p', { class: 'fix' }, fix),
  ];
}

const sentText = (sent) => (sent === null ? 'not known' : typeof sent === 'string' ? `"${sent}"` : String(sent));

/** Stays while the page around it is shown anew. */
let lastLook = [];

function doctor({ fail }) {
  const look = () => h('ul', { class: 'plain' }, lastLook.map(doctorLine));
  const result = h('div', { 'aria-live': 'polite' }, look());
  const check = async ({ currentTarget }) => {
    const button = currentTarget;
    button.disabled = true;
    try {
      lastLook = (await get('doctor')).lines;
      show(result, look());
    } catch (error) {
      fail(error);
    }
    button.disabled = false;
  };
  return [
    h('h2', { id: 'doctor' }, 'Connections'),
    h('p', { class: 'hint' }, 'Looks at each step by its own means, so that the one that fails has a name.'),
    h('button', { type: 'button', 'data-key': 'doctor', onclick: check }, 'Check the connections'),
    result,
  ];
}

function doctorLine({ name, ok, detail, fix }) {
  const [colour, word] = ok === undefined ? ['warn', 'unclear'] : ok ? ['good', 'good'] : ['bad', 'fails'];
  return h(
    'li',
    {},
    h('span', { class: `badge ${colour}` }, word),
    ' ',
    h('strong', {}, name),
    `: ${detail}`,
    fix === undefined ? undefined : h('span', { class: 'fix' }, ` ${fix}`),
  );
}

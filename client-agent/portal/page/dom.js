/** Elements by function call; texts are always texts, never markup. */

/** `h('button', { class: 'x', onclick: f, disabled: true }, 'Text', child)`. Absent children and attributes are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Replaces what `parent` holds and gives the focus back to the element with the same `data-key`. */
export function show(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children.flat(3).filter(Boolean));
  if (focused === undefined) return;
  [...parent.querySelectorAll('[data-key]')].find((element) => element.dataset.key === focused)?.focus();
}

/** As `show`, but leaves what looks the same alone: a click in progress must not lose its button. */
export function update(parent, ...children) {
  const next = h('div', {}, children);
  if (next.innerHTML !== parent.innerHTML) show(parent, ...next.childNodes);
}

let lastId = 0;

/** A labelled input. */
export function field(label, attributes = {}, hint = undefined) {
  lastId += 1;
  const id = `field-${lastId}`;
  const described = hint === undefined ? {} : { 'aria-describedby': `${id}-hint` };
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    h('input', { id, ...described, ...attributes }),
    hint === undefined ? undefined : h('p', { id: `${id}-hint`, class: 'hint' }, hint),
  );
}

/** The otpauth link as a picture of `{size, rows}`; its text is beside it for those who cannot scan. */
export function qrPicture({ size, rows }) {
  const quiet = 4;
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  picture.setAttribute('viewBox', `${-quiet} ${-quiet} ${size + 2 * quiet} ${size + 2 * quiet}`);
  picture.setAttribute('class', 'qr');
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', 'QR code for your authenticator app; the secret is beside it as text');
  const dark = document.createElementNS(space, 'path');
  let drawing = '';
  for (const [y, row] of rows.entries()) {
    for (const { index, 0: run } of row.matchAll(/1+/g)) drawing += `M${index} ${y}h${run.length}v1h-${run.length}z`;
  }
  dark.setAttribute('d', drawing);
  picture.append(dark);
  return picture;
}

/** A text with a button that copies it. */
export function copyable(text, label = 'Copy') {
  const button = h('button', { type: 'button', class: 'small', 'data-key': `copy ${text}` }, label);
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  });
  return h('div', { class: 'copyable' }, h('code', {}, text), button);
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** `in 3 hours`, `5 minutes ago`. */
export function fromNow(ms) {
  const [unit, size] = units.find(([, least]) => Math.abs(ms) >= least) ?? units.at(-1);
  return relative.format(Math.trunc(ms / size), unit);
}

/** `5 minutes ago`, with the exact time for those who want it. */
export function ago(at, now = Date.now()) {
  const date = new Date(at);
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString() }, fromNow(at - now));
}

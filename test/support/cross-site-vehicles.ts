/**
 * The ways in which a page can make a browser ask something of another site, as expressions to evaluate in that page. Each settles when
 * the browser has its answer or refusal, so that what has not arrived by then never will.
 */

/** What the browser tells about who asks, by which the vehicles differ. */
export type VehicleKind =
  /** A GET that shows its answer as itself, in a tab. */
  | 'top-get'
  /** With `Origin`, which is what an app can list. */
  | 'origin'
  /** A GET without `Origin`. */
  | 'bare'
  | 'frame'
  /** A form that posts, with `Origin`, in a tab. */
  | 'top-post'
  | 'socket';

export interface Vehicle {
  readonly name: string;
  readonly kind: VehicleKind;
  /** A window of its own: settled when its address is there. */
  readonly popup?: true;
  readonly run: (url: string) => string;
}

const settled = (promise: string) => `${promise}.then(() => true, () => true)`;
const fetched = (options: string) => (url: string) => settled(`fetch('${url}', ${options})`);
/** An element that loads by itself. */
const element = (html: (url: string) => string) => (url: string) =>
  `new Promise((resolve) => {
  const box = document.createElement('template');
  box.innerHTML = ${JSON.stringify(html(url))};
  const one = box.content.firstElementChild;
  const fresh = one.localName === 'script' ? Object.assign(document.createElement('script'), { src: one.src }) : one;
  fresh.onload = fresh.onerror = () => resolve(true);
  document.body.append(fresh);
})`;
const form = (method: string, target: string) => (url: string) =>
  `new Promise((resolve) => {
  const box = document.createElement('div');
  box.innerHTML = '<iframe name="f' + Math.random() + '"></iframe><form method="${method}" action="${url}"><input name="a" value="b"></form>';
  document.body.append(box);
  const [frame, one] = box.children;
  one.target = ${target};
  frame.onload = () => resolve(true);
  one.submit();
  if (one.target === '_blank') resolve(true);
})`;
const inFrame = 'frame.name';
const inWindow = "'_blank'";

export const vehicles: readonly Vehicle[] = [
  { name: 'window', kind: 'top-get', popup: true, run: (url) => `!window.open('${url}') || true` },
  { name: 'form-get-blank', kind: 'top-get', popup: true, run: form('get', inWindow) },
  {
    name: 'link',
    kind: 'top-get',
    popup: true,
    run: (url) => `Object.assign(document.createElement('a'), { href: '${url}', target: '_blank' }).click() || true`,
  },
  { name: 'form-post-blank', kind: 'top-post', popup: true, run: form('post', inWindow) },
  { name: 'fetch-cors', kind: 'origin', run: fetched("{ credentials: 'include' }") },
  {
    name: 'fetch-post-json',
    kind: 'origin',
    run: fetched(
      "{ method: 'POST', credentials: 'include', body: '{}', headers: { 'content-type': 'application/json' } }",
    ),
  },
  {
    name: 'fetch-delete',
    kind: 'origin',
    run: fetched("{ method: 'DELETE', credentials: 'include' }"),
  },
  {
    name: 'fetch-post-opaque',
    kind: 'origin',
    run: fetched("{ method: 'POST', mode: 'no-cors', credentials: 'include', body: 'a=b' }"),
  },
  {
    name: 'xhr',
    kind: 'origin',
    run: (url) => `new Promise((resolve) => {
      const one = new XMLHttpRequest();
      one.open('POST', '${url}');
      one.withCredentials = true;
      one.onloadend = () => resolve(true);
      one.send('a=b');
    })`,
  },
  {
    name: 'events',
    kind: 'origin',
    run: (url) => `new Promise((resolve) => {
      const one = new EventSource('${url}', { withCredentials: true });
      one.onopen = one.onerror = () => { one.close(); resolve(true); };
    })`,
  },
  {
    name: 'beacon',
    kind: 'origin',
    run: (url) => `navigator.sendBeacon('${url}', 'a=b') && new Promise((resolve) => {
      const look = () => performance.getEntriesByName('${url}').length > 0 ? resolve(true) : setTimeout(look, 10);
      look();
    })`,
  },
  { name: 'image-cors', kind: 'origin', run: element((url) => `<img crossorigin="use-credentials" src="${url}">`) },
  { name: 'fetch-opaque', kind: 'bare', run: fetched("{ mode: 'no-cors', credentials: 'include' }") },
  {
    name: 'fetch-opaque-silent',
    kind: 'bare',
    run: fetched(
      "{ mode: 'no-cors', credentials: 'include', referrerPolicy: 'no-referrer', headers: { accept: 'text/html' } }",
    ),
  },
  { name: 'image', kind: 'bare', run: element((url) => `<img src="${url}">`) },
  { name: 'image-silent', kind: 'bare', run: element((url) => `<img referrerpolicy="no-referrer" src="${url}">`) },
  { name: 'script', kind: 'bare', run: element((url) => `<script src="${url}"></script>`) },
  { name: 'style', kind: 'bare', run: element((url) => `<link rel="stylesheet" href="${url}">`) },
  { name: 'prefetch', kind: 'bare', run: element((url) => `<link rel="prefetch" href="${url}">`) },
  { name: 'iframe', kind: 'frame', run: element((url) => `<iframe src="${url}"></iframe>`) },
  { name: 'form-get-frame', kind: 'frame', run: form('get', inFrame) },
  { name: 'form-post-frame', kind: 'origin', run: form('post', inFrame) },
  {
    name: 'socket',
    kind: 'socket',
    run: (url) => `new Promise((resolve) => {
      const one = new WebSocket('${url.replace(/^http/, 'ws')}');
      one.onopen = one.onerror = one.onclose = () => { one.close(); resolve(true); };
    })`,
  },
];

/** The last refusals: what was refused, by whom, why, and what would change it. The trace is what an administrator needs. */
import { get } from './api.js';
import { ago, h } from './dom.js';
import { fixLine } from './view-apps.js';

export async function refusalsView() {
  const { refused, now } = await get('why');
  return [
    h('h1', {}, 'Refusals'),
    h('p', { class: 'hint' }, 'The same in a terminal: ', h('code', {}, 'postern why')),
    refused.length === 0 ? h('p', { class: 'card' }, 'Nothing was refused since Postern was started.') : undefined,
    h(
      'ul',
      { class: 'list' },
      refused.map((one) => h('li', { class: 'card' }, refusal(one, now))),
    ),
  ];
}

function refusal({ at, app, by, code, title, detail, fixes, trace, gateway, request, client }, now) {
  return [
    h('h2', {}, app, ' ', h('span', { class: 'badge bad' }, code)),
    h('p', {}, detail ?? title),
    request === undefined ? undefined : h('p', {}, h('code', {}, `${request.method} ${request.host}${request.path}`)),
    fixes.length === 0 ? undefined : h('ul', {}, fixes.map(fixLine)),
    h(
      'p',
      { class: 'hint' },
      ago(at, now),
      `, by ${gateway === undefined ? `the ${by}` : `gateway ${gateway}`}${client === undefined ? '' : `, asked by the client ${client}`}, trace `,
      h('code', {}, trace),
    ),
  ];
}

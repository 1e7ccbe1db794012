/** The same at the agent's local port: nothing of a browser without its cookie, of another host or in our own voice gets on. */
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type fc from 'fast-check';
import { isErrorCode } from '#shared/base/errors.ts';
import { isBrowser } from '../../../client-agent/from-apps/browser-signs.ts';
import { ask, localRig } from '../../client-agent/from-apps/local-rig.ts';
import { converse, type RawRequests, rawRequests, repliesIn } from '../http-bytes.ts';
import { applyEdits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget, Rig } from '../target.ts';

const cases = rawRequests({
  hosts: [
    'wiki.localhost:{port}',
    'postern.localhost:{port}',
    'localhost:{port}',
    'wiki.corp.internal',
    'evil.example',
    '127.0.0.1',
  ],
  targets: [
    '/',
    '/page',
    'http://wiki.corp.internal/page',
    'http://evil.example/',
    'wiki.corp.internal:80',
    '/.postern-local/session',
    '/api/state',
  ],
  headers: ['Cookie: postern-local-x=y', 'Postern-Grant: forged', 'Sec-Fetch-Dest: document', 'Sec-CH-UA: "x"'],
});

const appHosts = new Set(['wiki.corp.internal', 'notes.corp.internal', 'pay.corp.internal']);

export const localHead: FuzzTarget = {
  name: 'local-head',
  about: "request heads as raw bytes to the agent's local port",
  block: 25,
  async open() {
    const rig = new Rig();
    // Whose a connection is has tests of its own, and reading the table of a busy machine takes longer than all the rest.
    const local = await localRig(rig, { ownerCheck: async () => 'own' });
    const port = String(local.port);
    return {
      cases: cases as fc.Arbitrary<never>,
      async judge(connections: readonly RawRequests[]) {
        local.got.length = 0;
        local.portalGot.length = 0;
        const answers = await Promise.all(
          connections.map(({ texts, edits, split }) => {
            const text = texts.join('').replaceAll('{port}', port);
            const socket = connect({ host: '127.0.0.1', port: local.port });
            return converse(socket, applyEdits(Buffer.from(text, 'latin1'), edits), split);
          }),
        );
        for (const { headers, url } of local.got) judgeGot(headers, url);
        for (const { headers, status } of answers.flatMap(repliesIn)) {
          const verdict = headers.get('postern-verdict');
          must(verdict === undefined || isErrorCode(verdict), `an answer with the verdict ${verdict}`);
          must(status !== 500, 'something failed inside the agent');
        }
      },
      async settle() {
        const good = await ask(local.port, { host: `wiki.localhost:${port}`, path: '/alive' });
        must(good.status === 200, `the local side no longer answers: ${good.status}`);
        local.core.asked.length = 0;
      },
      close: () => rig.close(),
    } as OpenTarget<never>;
  },
};

function judgeGot(headers: IncomingMessage['headers'], url: string): void {
  const say = (what: string) => `the gateway got ${url} of ${headers.host}: ${what}`;
  must(appHosts.has(String(headers.host)), say('of no app'));
  must(/^grant-\d+$/.test(String(headers['postern-grant'])), say('with a grant of the client'));
  must(!isBrowser(headers), say('of a browser without its cookie'));
  must(url.startsWith('/') && !/^\/\.postern(-local)?(\/|\?|$)/i.test(url), say('at a reserved place'));
  for (const name of Object.keys(headers))
    must(!name.startsWith('postern-') || name === 'postern-grant' || name === 'postern-trace', say(`with ${name}`));
  must(!/(^|;)[\s=]*postern-local/.test(headers.cookie ?? ''), say('with a cookie of ours'));
}

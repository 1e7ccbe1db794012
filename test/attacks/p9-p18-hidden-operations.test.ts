/**
 * P9, P18: an app that needs odd spellings also understands them. An operation spelled so that its pattern misses it is no way around
 * what a policy says of it, or around its being granted for one use.
 */
import t from 'tap';
import { readRequest } from '../../controller/grants/judge-ask.ts';
import type { Ask } from '../../gateway/gates/ask.ts';
import { canonicalRequestGate } from '../../gateway/gates/canonical-request.ts';
import type { HttpApp } from '../../shared/contracts/app.ts';
import { canonicalRequest } from '../../shared/wire/canonical-request.ts';
import { operationOf } from '../../shared/wire/operations.ts';
import { httpApp } from '../support/gateway-apps.ts';

const host = 'wiki.corp.example';
const app = httpApp(1, {
  hosts: [host],
  allowSpellings: ['double-slash', 'semicolon', 'backslash', 'encoded-slash'],
  operations: {
    read: 'GET /**',
    admin: 'GET /admin/**',
    export: 'POST /reports/*/export',
    project: 'GET /projects/*',
  },
  once: ['export'],
}) as HttpApp;
const judge = (method: string, url: string) => canonicalRequest({ method, host, url, app });

t.test('P9 P18 what hides a more exact operation is refused', async (t) => {
  for (const [method, url] of [
    ['POST', '//reports/1/export'],
    ['POST', '/reports//1/export'],
    ['POST', '/reports/1//export'],
    ['POST', '/reports/1/export;v=1'],
    ['POST', '/reports;v=1/1/export'],
    ['POST', '/reports/1/export%3Bv'],
    ['POST', '/;/reports/1/export'],
    ['POST', '/reports\\1\\export'],
    ['POST', '/reports%5C1/;a//export'],
    ['POST', '/reports%2F1/export'],
    ['POST', '/reports/1%2fexport'],
    ['GET', '//admin/users'],
    ['HEAD', '/admin;x/users'],
    ['GET', '/admin%5Cusers'],
  ] as const) {
    t.equal(judge(method, url), 'operation', `${method} ${url}`);
    const ask = { kind: 'request', method, host, url, found: { app } } as unknown as Ask;
    t.match(canonicalRequestGate(ask, {} as never, 0), { code: 'request-refused', extra: { reason: 'operation' } });
    const path = url.replaceAll('\\', '%5C');
    t.equal(readRequest(app, { method, host, path, query: '' }), undefined, 'no grant for it either');
  }
});

t.test('P9 what hides nothing goes on as it did', async (t) => {
  for (const [method, url, operation] of [
    ['POST', '/reports/1/export', 'export'],
    ['POST', '/reports/a;b/export', 'export'],
    ['POST', '/reports/a%2Fb/export', 'export'],
    ['GET', '/projects/group%2Fwiki', 'project'],
    ['GET', '/pages//of/wiki;v=1', 'read'],
    ['PUT', '/reports//1/export', ''],
  ] as const) {
    const canonical = judge(method, url);
    t.type(canonical, 'object', `${method} ${url}: ${canonical}`);
    if (typeof canonical === 'object') t.equal(operationOf(app, canonical), operation, url);
  }
});

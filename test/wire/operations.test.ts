import t from 'tap';
import { checkOperationPattern, operationOf } from '#shared/wire/operations.ts';

const operations = {
  '1': 'GET /',
  export: 'POST /reports/*/export',
  read: 'GET /reports/**',
  anything: '* /reports/**',
  one: 'GET /reports/*',
  pdf: 'GET /files/*.pdf',
  dotted: 'GET /a.b/c+d',
};

t.test('requests get the name of the most exact pattern', async (t) => {
  const name = (method: string, path: string) => operationOf({ kind: 'http', operations }, { method, path });
  t.equal(name('GET', '/'), '1');
  t.equal(name('POST', '/reports/7/export'), 'export');
  t.equal(name('GET', '/reports/7/export'), 'read');
  t.equal(name('PUT', '/reports/7/export'), 'anything');
  t.equal(name('GET', '/reports/7'), 'one', 'a star is more exact than two');
  t.equal(name('HEAD', '/reports/7'), 'one', 'HEAD is judged as GET');
  t.equal(name('GET', '/reports/'), 'read', 'the rest may be empty');
  t.equal(name('GET', '/reports'), '', 'but not missing');
  t.equal(name('GET', '/files/a.pdf'), 'pdf');
  t.equal(name('GET', '/files/a/b.pdf'), '', 'a star does not cross a slash');
  t.equal(name('GET', '/aXb/c+d'), '', 'a dot is a dot');
  t.equal(name('GET', '/a.b/c+d'), 'dotted');
  t.equal(operationOf({ kind: 'http' }, { method: 'GET', path: '/' }), '');
});

t.test('the order in which operations are written does not matter', async (t) => {
  const turned = Object.fromEntries(Object.entries(operations).toReversed());
  for (const path of ['/reports/7', '/reports/7/export', '/reports/'])
    for (const method of ['GET', 'POST', 'PUT'])
      t.equal(
        operationOf({ operations: turned }, { method, path }),
        operationOf({ operations }, { method, path }),
        `${method} ${path}`,
      );
});

t.test('patterns that are none', async (t) => {
  for (const bad of ['/x', 'get /x', 'GET x', 'GET /a/**/b', 'GET /a**', 'GET /a b', 'GET /a?x', 'HEAD /x', 'G*T /x'])
    t.type(checkOperationPattern(bad), 'string', bad);
  for (const good of ['GET /', '* /**', 'GET /a/*/b', 'GET /*.pdf'])
    t.equal(checkOperationPattern(good), undefined, good);
  t.equal(operationOf({ operations: { bad: 'GET /a/**/b' } }, { method: 'GET', path: '/a/x/b' }), '');
});

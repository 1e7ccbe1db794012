import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { createLog } from '#shared/base/log.ts';

t.test('an error is logged with its code, and a one-time code is not', (t) => {
  const lines: string[] = [];
  const log = createLog('postern-test', 'info', (line) => lines.push(line));
  const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  log.warn(
    { err: new PosternError('unreachable', 'not reached', { cause }), code: '123456', step: { code: '654321' } },
    'x',
  );
  const [line = ''] = lines;
  t.match(JSON.parse(line), { err: { errorCode: 'unreachable', type: 'PosternError', message: /not reached/ } });
  t.notMatch(line, /123456|654321/);
  t.end();
});

/**
 * The gateway's own answers. An agent tells them from the app's by `Postern-Verdict`, which no app can send (its copies are
 * stripped). A person who navigates gets a page that says the same; a script gets JSON and never a redirect.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PosternError } from '#shared/base/errors.ts';
import { escapeHtml } from '#shared/base/escape-html.ts';
import { forwardedHeader, traceHeader, verdictHeader } from '#shared/contracts/agent-to-gateway.ts';
import { discardRest } from '#shared/wire/forward-upload.ts';
import { problemHeaders } from '#shared/wire/problem-reply.ts';

export function answerProblem(req: IncomingMessage, res: ServerResponse, error: PosternError, trace: string): void {
  if (res.headersSent || res.destroyed) return;
  const problem = error.toProblem(trace);
  const isPage = isNavigation(req);
  const body = isPage ? page(problem) : JSON.stringify(problem);
  // A client that was not told to continue may or may not send its body: nothing after this head can be trusted.
  if (!req.complete && req.headers.expect !== undefined) res.shouldKeepAlive = false;
  res.writeHead(error.status, {
    ...problemHeaders(error),
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    ...(isPage
      ? { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" }
      : {}),
    [verdictHeader]: error.code,
    [traceHeader]: trace,
    ...(error.extra?.['forwarded'] === true ? { [forwardedHeader]: 'true' } : {}),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
  discardRest(req);
}

function isNavigation({ headers }: IncomingMessage): boolean {
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return headers.accept?.toLowerCase().includes('text/html') === true;
}

const advice = {
  retry: 'Try again in a moment.',
  renew: 'Try again: your agent will ask for a new authorization.',
  'step-up': 'Open the Postern portal and confirm who you are.',
  'fix-device': 'Open the Postern portal: it shows what to put right on this device.',
  stop: 'If you think this is wrong, tell your administrator the number below.',
} as const;

function page(problem: ReturnType<PosternError['toProblem']>): string {
  const { title, detail, next, code, trace } = problem;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}code{color:#555}</style>
<h1>${escapeHtml(title)}</h1>
${detail === undefined ? '' : `<p>${escapeHtml(detail)}</p>\n`}<p>${escapeHtml(advice[next])}</p>
<p><code>${escapeHtml(code)} ${escapeHtml(trace ?? '')}</code></p>
</html>
`;
}

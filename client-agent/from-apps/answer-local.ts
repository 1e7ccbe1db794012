/** What the agent itself answers: a page to a person who navigates, a problem document to everything else, never a redirect. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PosternError, Problem } from '#shared/base/errors.ts';
import { traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { discardRest } from '#shared/wire/forward-upload.ts';
import { problemHeaders } from '#shared/wire/problem-reply.ts';
import { wantsPage } from './browser-signs.ts';

export interface LocalAnswer {
  readonly error: PosternError;
  readonly trace: string;
  /** Origin of the portal, for the link on the page. */
  readonly portal: string;
}

export function answerLocal(req: IncomingMessage, res: ServerResponse, answer: LocalAnswer): void {
  if (res.headersSent || res.destroyed) return;
  const { error, trace } = answer;
  const problem = error.toProblem(trace);
  const isPage = wantsPage(req.headers);
  const body = isPage ? problemPage(problem, answer.portal) : JSON.stringify(problem);
  // A client that was not told to continue may or may not send its body: nothing after this head can be trusted.
  if (!req.complete && req.headers.expect !== undefined) res.shouldKeepAlive = false;
  res.writeHead(error.status, {
    ...problemHeaders(error),
    ...(isPage ? pageHeaders : { 'content-type': 'application/problem+json' }),
    'content-length': Buffer.byteLength(body),
    [traceHeader]: trace,
  });
  res.end(req.method === 'HEAD' ? undefined : body);
  discardRest(req);
}

/** A page of the agent's own with this body, which must be HTML already. */
export function sendPage(res: ServerResponse, status: number, title: string, body: string, headers = {}): void {
  const html = layout(title, body);
  res.writeHead(status, { ...pageHeaders, 'content-length': Buffer.byteLength(html), ...headers });
  res.end(html);
}

/** The same answer without an HTTP server: for a socket whose request was not or cannot be read. */
export function problemText(error: PosternError, statusText: string): string {
  const body = JSON.stringify(error.toProblem());
  return `HTTP/1.1 ${error.status} ${statusText}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
};

const advice = {
  retry: 'Try again in a moment.',
  renew: 'Try again: the agent will ask for a new authorization.',
  'step-up': 'Open the portal, confirm who you are, and come back to this page.',
  'fix-device': 'Open the portal: it shows what to put right on this device. Then come back to this page.',
  stop: 'If you think this is wrong, tell your administrator the number below.',
} as const;

function problemPage({ title, detail, next, code, trace, fixes }: Problem, portal: string): string {
  const steps = fixTexts(fixes).map((text) => `<li>${escapeHtml(text)}</li>`);
  return layout(
    title,
    `<h1>${escapeHtml(title)}</h1>
${detail === undefined ? '' : `<p>${escapeHtml(detail)}</p>\n`}${steps.length > 0 ? `<ul>${steps.join('')}</ul>\n` : ''}<p>${escapeHtml(advice[next])}</p>
<p><a href="${escapeHtml(portal)}/">Postern portal</a></p>
<p><code>${escapeHtml(code)} ${escapeHtml(trace ?? '')}</code></p>`,
  );
}

/** `fixes` of a problem came from a peer: only texts are taken. */
function fixTexts(fixes: unknown): string[] {
  if (!Array.isArray(fixes)) return [];
  return fixes.slice(0, 10).flatMap((fix: unknown) => {
    const text = typeof fix === 'object' && fix !== null ? (fix as { text?: unknown }).text : undefined;
    return typeof text === 'string' ? [text.slice(0, 500)] : [];
  });
}

function layout(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}code{color:#555}</style>
${body}
</html>
`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

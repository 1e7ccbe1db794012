/** What the agent itself answers: a page to a person who navigates, a problem document to everything else, never a redirect. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PosternError, Problem } from '#shared/base/errors.ts';
import { escapeHtml } from '#shared/base/escape-html.ts';
import { traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { discardRest } from '#shared/wire/forward-upload.ts';
import { problemHeaders } from '#shared/wire/problem-reply.ts';
import { purposeOf } from '../grants/holds.ts';
import { wantsPage } from './browser-signs.ts';
import { readLocalName, safeReturnPath } from './local-names.ts';

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
  const link = portalLink(req, error, answer.portal);
  const body = isPage ? problemPage(problem, link) : JSON.stringify({ ...problem, ...wherePersonActs(problem, link) });
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
  'step-up': 'Confirm who you are on the portal, then come back to this page.',
  'fix-device': 'The portal shows what to put right on this device. Then come back to this page.',
  stop: 'If you think this is wrong, tell your administrator the number below.',
} as const;

interface PortalLink {
  readonly href: string;
  readonly text: string;
}

/** For a program whose person reads what it prints: the page of the portal that helps, where one does. */
function wherePersonActs({ next }: Problem, { href }: PortalLink): { portal?: string } {
  return next === 'step-up' || next === 'fix-device' ? { portal: href } : {};
}

/** Where the person can do what is wanted, and the way back to the page they asked for. */
function portalLink(req: IncomingMessage, error: PosternError, portal: string): PortalLink {
  const { next } = error.toProblem();
  if (next === 'fix-device') return { href: `${portal}/#/device`, text: 'See this device' };
  if (next !== 'step-up') return { href: `${portal}/`, text: 'Postern portal' };
  const isSession = purposeOf(error.code) !== 'step-up';
  const view = `${portal}/#/${isSession ? 'sign-in' : 'step-up'}`;
  const text = isSession ? 'Sign in' : 'Confirm it is you';
  const name = readLocalName(req.headers.host ?? '', Number(new URL(portal).port || 80));
  // Only a page that was asked for by its address can be asked for again.
  if (name?.kind !== 'app' || req.method !== 'GET') return { href: view, text };
  const back = new URLSearchParams([
    ['app', name.id],
    ['then', safeReturnPath(req.url)],
  ]);
  return { href: `${view}?${back}`, text };
}

function problemPage({ title, detail, next, code, trace, fixes }: Problem, link: PortalLink): string {
  const steps = fixTexts(fixes).map((text) => `<li>${escapeHtml(text)}</li>`);
  return layout(
    title,
    `<h1>${escapeHtml(title)}</h1>
${detail === undefined ? '' : `<p>${escapeHtml(detail)}</p>\n`}${steps.length > 0 ? `<ul>${steps.join('')}</ul>\n` : ''}<p>${escapeHtml(advice[next])}</p>
<p><a class="act" href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a></p>
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
<style>:root{color-scheme:light dark;--back:#f5f6f4;--card:#fff;--text:#1c2426;--line:#d9dedd;--main:#1f4d5c;--on-main:#fff}
@media(prefers-color-scheme:dark){:root{--back:#14191b;--card:#1e2528;--text:#e6ebea;--line:#354045;--main:#8fcbdd;--on-main:#10282f}}
body{font:1rem/1.5 system-ui,sans-serif;background:var(--back);color:var(--text);padding:3rem 1rem}
main{max-width:38rem;margin:auto;padding:1rem 2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{font-size:1.4rem}a{color:var(--main)}code{font-size:.85rem;opacity:.75;overflow-wrap:anywhere}
.act{display:inline-block;padding:.5rem 1.1rem;border-radius:.5rem;background:var(--main);color:var(--on-main);font-weight:600;text-decoration:none}</style>
<main>
${body}
</main>
</html>
`;
}

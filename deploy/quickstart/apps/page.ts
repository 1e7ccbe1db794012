/** HTML, the small way: a tagged template that escapes, and one frame for every page. */
import type { FastifyReply } from 'fastify';
import type { Identity } from './verify-identity.ts';

/** Markup that is safe to send. Made by `html`. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[];

/** Escapes every value that is not itself `Html`, so that no text of a person can become markup. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(literals.map((literal, i) => literal + (i < parts.length ? toMarkup(parts[i]!) : '')).join(''));
}

function toMarkup(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map((entry) => entry.text).join('\n');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #223; }
  header, footer { display: flex; gap: 1rem; justify-content: space-between; color: #667; }
  footer { border-top: 1px solid #dde; margin-top: 3rem; padding-top: .5rem; font-size: .85rem; }
  a { color: #0a58ca; } table { border-collapse: collapse; } td, th { padding: .2rem 1rem .2rem 0; text-align: left; }
  textarea { width: 100%; height: 12rem; } button, input, textarea { font: inherit; }
  @media (prefers-color-scheme: dark) { body { background: #181a20; color: #dde; } a { color: #8ab4f8; } }
`;

/** Sends a page in the common frame: the title, the content, and who the app believes is reading. */
export function sendPage(reply: FastifyReply, identity: Identity, title: string, content: Html): FastifyReply {
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${new Html(style)}</style>
<header><strong>${title}</strong><span>Hello, ${identity.name}</span></header>
<main>
${content}
</main>
<footer><span>${identity.id} (${identity.groups.join(', ') || 'no groups'})</span>
<span>device ${identity.device}, signed in by ${identity.amr.join(' + ')}</span></footer>
</html>
`;
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    .send(page.text);
}

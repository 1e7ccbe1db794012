/**
 * The wiki: an ordinary web app of the demanding kind. It sets a `__Host-` cookie, redirects to absolute addresses, and
 * refuses a form that another origin posted.
 */
import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { buildHandbook } from './handbook-repository.ts';
import {
  type AppOptions,
  createHttpApp,
  formField,
  identityOf,
  listenHttp,
  publicOrigin,
  type RunningApp,
  refuse,
} from './http-app.ts';
import { html, sendPage } from './page.ts';
import { streamBytes } from './slow-bytes.ts';
import { createWikiStore, type WikiPage } from './wiki-store.ts';

type PageRequest = FastifyRequest<{ Params: { name: string } }>;
type DownloadRequest = FastifyRequest<{ Querystring: { mb?: string; rate?: string } }>;

const sessionCookie = '__Host-wiki-session';

export async function startWiki(options: AppOptions): Promise<RunningApp> {
  const app = createHttpApp('wiki', options);
  const { routes } = app;
  const store = createWikiStore();
  const handbook = await buildHandbook();
  if (handbook === undefined) options.log?.warn({ app: 'wiki' }, 'git is not installed: no handbook to clone');

  const originOf = (request: FastifyRequest) => publicOrigin(request.headers, options.publicOrigins);
  await routes.register(cookie);

  routes.get('/', async (request, reply) => reply.redirect(`${originOf(request)}/pages/home`, 302));

  routes.get('/pages/:name', async (request: PageRequest, reply) => {
    const visit = countVisit(request, reply);
    const page = store.read(request.params.name);
    return sendPage(reply, identityOf(request), 'Wiki', showPage(page, visit));
  });

  routes.get('/pages/:name/edit', async (request: PageRequest, reply) =>
    sendPage(reply, identityOf(request), 'Wiki', editPage(store.read(request.params.name))),
  );

  routes.post('/pages/:name', async (request: PageRequest, reply) => {
    // A browser names the posting page's origin in every POST. Another one, or none, is not our own form.
    const origin = originOf(request);
    if (request.headers.origin !== origin) {
      throw refuse(403, `This form was posted from ${request.headers.origin ?? 'nowhere'}, not from ${origin}.`);
    }
    store.write(request.params.name, formField(request, 'text'), identityOf(request).name);
    return reply.redirect(`${origin}/pages/${request.params.name}`, 303);
  });

  routes.get('/download', async (request: DownloadRequest, reply) => {
    const size = readNumber(request.query.mb, 10, 4096) * 1024 * 1024;
    const rate = readNumber(request.query.rate, 0, 1_000_000) * 1024;
    reply.type('application/octet-stream').header('content-length', size);
    reply.header('content-disposition', 'attachment; filename="download.bin"');
    return reply.send(streamBytes(request.method === 'HEAD' ? 0 : size, rate));
  });

  routes.get('/git/handbook.git/*', async (request: FastifyRequest<{ Params: { '*': string } }>, reply) => {
    const file = handbook?.get(request.params['*']);
    if (file === undefined) throw refuse(404, 'The repository has no such file.');
    return reply.type('application/octet-stream').send(file);
  });

  return listenHttp('wiki', app, options);

  /** Counts the visits of a browser session. The cookie only remembers; who asks is always the verified identity. */
  function countVisit(request: FastifyRequest, reply: FastifyReply): number {
    const person = identityOf(request).id;
    const known = store.visit(request.cookies[sessionCookie], person);
    if (known !== undefined) return known;
    const session = randomBytes(16).toString('base64url');
    reply.setCookie(sessionCookie, session, { path: '/', secure: true, httpOnly: true, sameSite: 'lax' });
    return store.openSession(session, person);
  }
}

function readNumber(text: string | undefined, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,7}$/.test(text) || Number(text) > most) throw refuse(400, `A whole number up to ${most} is wanted.`);
  return Number(text);
}

const showPage = (page: WikiPage, visit: number) => html`<h1>${page.name}</h1>
${page.text.split(/\r?\n\r?\n/).map((paragraph) => html`<p>${paragraph}</p>`)}
<p><a href="/pages/${page.name}/edit">Edit</a> | <a href="/pages/home">Home</a> |
<a href="/download?mb=10">Download</a> | <a href="/download?mb=10&amp;rate=100">Slow download</a></p>
<p><small>Last change by ${page.editor}, version ${page.version}. Page view ${visit} of this session.
Clone the handbook from <code>/git/handbook.git</code>.</small></p>`;

const editPage = (page: WikiPage) => html`<h1>Edit ${page.name}</h1>
<form method="post" action="/pages/${page.name}">
<p><textarea name="text" autofocus>${page.text}</textarea></p>
<p><button>Save</button> <a href="/pages/${page.name}">Cancel</a></p>
</form>`;

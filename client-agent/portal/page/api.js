/** Calls to the portal's own API. */

/** A problem document (RFC 9457) as an error. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.code = problem.code;
    this.title = problem.title;
    this.trace = problem.trace;
    this.fixes = Array.isArray(problem.fixes) ? problem.fixes : [];
    this.retryAfterMs = problem.retryAfterMs;
  }
}

export const get = (path) => call('GET', path);
export const post = (path, body = {}) => call('POST', path, body);
export const remove = (path) => call('DELETE', path, {});

async function call(method, path, body) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem({ code: 'agent-away', title: 'Postern does not answer. Start it again with "postern up".' });
  }
  if (response.status === 204) return undefined;
  const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? '');
  const answer = isJson ? await response.json() : { code: 'internal', title: `An odd answer (${response.status}).` };
  if (!response.ok || !isJson) throw new Problem(answer);
  return answer;
}

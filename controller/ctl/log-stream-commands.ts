/** `posternctl log stream`: the log to SIEMs, as it is written. */
import type { CliCall, CliCommand, CliOption } from '#shared/base/cli.ts';
import { type LogStreamShown, streamFormats, streamKinds } from '#shared/contracts/admin-log-streams.ts';
import { withAdmin } from './connect.ts';
import {
  answerDone,
  answerList,
  answerThing,
  chosen,
  given,
  numbered,
  oneWord,
  option,
  plural,
  readTime,
  span,
  usage,
  when,
} from './show.ts';
import { hasSecret, readTargetSecret, targetBody, targetOptions } from './target-flags.ts';

const addOptions: Readonly<Record<string, CliOption>> = {
  address: { type: 'string', value: 'HOST:PORT', about: 'syslog: the receiver; TLS, with octet counting' },
  url: { type: 'string', value: 'URL', about: 'otlp, splunk, elasticsearch: the receiver; its usual path is added' },
  format: { type: 'string', value: 'FORM', about: `syslog, elasticsearch, file: ${streamFormats.join(', ')}` },
  index: { type: 'string', value: 'NAME', about: 'elasticsearch: index or data stream; splunk: index' },
  secret: {
    type: 'boolean',
    about:
      'Ask for the token (splunk) or the Authorization header (otlp, elasticsearch); or read it from standard input',
  },
  ...targetOptions,
  'max-bytes': { type: 'string', value: 'N', about: 'file: begin another at this size; 64 MB unless told' },
  keep: { type: 'string', value: 'N', about: 'file: full ones that are kept; 10 unless told, 0 keeps all' },
  since: { type: 'string', value: 'TIME', about: 'What was recorded since then too: 15m, 2h, 7d, an ISO time, or all' },
};

export const logStreamCommands: Readonly<Record<string, CliCommand>> = {
  'log stream add': {
    about: 'Stream the log to a target, from now on',
    args: '<name> <kind>',
    options: addOptions,
    help: [
      `Kinds: ${streamKinds.join(', ')}. See docs/siem.md for each receiver, step by step.`,
      'Example: posternctl log stream add siem syslog --address siem.corp.example:6514 --ca siem-ca.pem',
    ].join('\n'),
    run: (call) =>
      withAdmin(call, async (admin) => {
        const body = await readBody(call);
        const stream = await admin.addLogStream({ body });
        answerDone(
          call,
          stream,
          `The stream ${stream.name} runs. See whether it arrives: posternctl log stream test ${stream.name}`,
        );
      }),
  },
  'log stream list': {
    about: 'Streams, and how far each is behind',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.logStreams()).items, (stream) => ({
          name: stream.name,
          kind: stream.kind,
          to: stream.address ?? stream.url ?? '(files)',
          form: stream.format,
          state: stream.state,
          behind: stream.behind,
          since: stream.behind === 0 ? '-' : span(stream.secondsBehind * 1000),
          delivered: stream.delivered,
          'put aside': stream.setAside,
        })),
      ),
  },
  'log stream show': {
    about: 'One stream, what stands in its way, and which records its target refused for good',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { stream, asides } = await admin.logStream({ params: named(call) });
        if (call.json) return call.io.out(JSON.stringify({ stream, asides }));
        answerThing(call, { ...stream, ...given({ trouble: stream.trouble && troubleWords(stream.trouble) }) });
        for (const { at, ids, count, why } of asides)
          call.io.out(
            `${when(at)}  put aside: ${count === 1 ? ids[0] : `${count} of ${ids.join(' to ')}`}  ${JSON.stringify(why)}`,
          );
      }),
  },
  'log stream test': {
    about: 'Send the record of this test now, and say what came of it',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { arrived, record, ms, why } = await admin.testLogStream({ params: named(call), timeoutMs: 180_000 });
        if (call.json) call.io.out(JSON.stringify({ arrived, record, ms, ...given({ why }) }));
        else if (arrived) answerDone(call, {}, `It arrived in ${ms} ms: look for the record ${record}.`);
        else answerDone(call, {}, `It did not arrive: ${why}`);
        return arrived ? 0 : 1;
      }),
  },
  'log stream pause': {
    about: 'Stop a stream; the record that says so is the last one it delivers',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const stream = await admin.pauseLogStream({ params: named(call) });
        answerDone(
          call,
          stream,
          `The stream ${stream.name} is ${stream.state}; nothing is lost: posternctl log stream resume ${stream.name}`,
        );
      }),
  },
  'log stream resume': {
    about: 'Go on where the stream stopped',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const stream = await admin.resumeLogStream({ params: named(call) });
        answerDone(call, stream, `The stream ${stream.name} goes on, ${plural(stream.behind, 'record')} behind.`);
      }),
  },
  'log stream remove': {
    about: 'Forget a stream, with its secrets and how far it had come',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { name } = named(call);
        await admin.removeLogStream({ params: { name } });
        answerDone(call, { removed: name }, `The stream ${name} is removed.`);
      }),
  },
};

const named = (call: CliCall): { name: string } => ({ name: call.args[0]! });

async function readBody(call: CliCall) {
  const [name = ''] = call.args;
  const kind = oneWord(call.args[1]!, streamKinds, 'the kind');
  const since = option(call, 'since');
  return given({
    name,
    kind,
    format: chosen(call, 'format', streamFormats),
    ...targetBody(call),
    index: option(call, 'index'),
    maxBytes: numbered(call, 'max-bytes'),
    keep: numbered(call, 'keep'),
    since: since === undefined ? undefined : since === 'all' ? 0 : readTime(since, Date.now()),
    ...(await readSecrets(call, kind)),
  });
}

async function readSecrets(
  call: CliCall,
  kind: LogStreamShown['kind'],
): Promise<{ token?: string | undefined; authorization?: string | undefined }> {
  if (!hasSecret(call)) return {};
  if (kind === 'syslog' || kind === 'file') throw usage(`${kind} has no such secret`);
  return kind === 'splunk'
    ? { token: await readTargetSecret(call, 'HEC token') }
    : { authorization: await readTargetSecret(call, 'Authorization header') };
}

function troubleWords({ why, since, tries, nextAt }: NonNullable<LogStreamShown['trouble']>): string {
  return `${why} (${tries} ${tries === 1 ? 'try' : 'tries'} since ${when(since)}, the next at ${when(nextAt)})`;
}

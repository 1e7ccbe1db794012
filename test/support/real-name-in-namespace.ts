/** Runs in a network and mounts of its own, as root there, where the agent is the one DNS server: started by real-name.test.ts. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { localRig } from '../client-agent/from-apps/local-rig.ts';
import { type Browser, launchChromium } from './chromium.ts';
import { pay, wiki } from './fake-agent-core.ts';
import { root } from './source-tree.ts';

t.setTimeout(240_000);
const zone = 'corp.internal';
const directory = t.testdir({ home: {}, profile: {} });
const home = join(directory, 'home');
const profile = join(directory, 'profile');
writeFileSync(join(directory, 'resolv.conf'), 'nameserver 127.0.0.1\n');
execFileSync('mount', ['--bind', join(directory, 'resolv.conf'), '/etc/resolv.conf']);
// Without any link but loopback a browser believes that there is no network at all.
for (const line of [
  'link add net0 type veth peer name net1',
  'addr add 198.51.100.2/24 dev net0',
  'link set net0 up',
  'link set net1 up',
])
  execFileSync('ip', line.split(' '));
// Where Chromium and the trust commands look for the store of this person.
process.env['HOME'] = home;
mkdirSync(profile, { recursive: true, mode: 0o700 });

const rig = await localRig(
  { teardown: (close) => t.teardown(close as () => void), testdir: () => profile },
  {
    dns: { zones: [zone], port: 53 },
    realNames: true,
    now: Date.now(),
    onRequest: (_req, res) => {
      res.setHeader('content-type', 'text/html').end('<title>Wiki</title><p>from the app</p>');
    },
  },
);
const postern = async (...words: string[]) => {
  const line = [join(root, 'client-agent/main.ts'), ...words, '--dir', profile];
  return promisify(execFile)(process.execPath, line, { encoding: 'utf8' })
    .then(({ stdout }) => ({ code: 0, stdout }))
    .catch((error: { code: number; stdout: string; stderr: string }) => error);
};

/** What a browser that is started now shows at the name of the wiki, let in by the one-time file. */
async function visit<T>(
  look: (browser: Browser, href: string, text: string, errors: readonly string[]) => Promise<T>,
): Promise<T> {
  const browser = await launchChromium();
  try {
    const { file, url } = await rig.side.openLink('wiki');
    t.equal(url, `https://wiki.${zone}/`, 'postern open goes to the real name');
    const tab = await browser.open(pathToFileURL(file).href);
    await tab.waitFor(`location.href === 'https://wiki.${zone}/' || location.protocol === 'chrome-error:'`);
    return await look(
      browser,
      await tab.evaluate('location.href'),
      await tab.evaluate('document.body.innerText'),
      tab.errors,
    );
  } finally {
    await browser.close();
  }
}

t.test('an issuer that is not trusted is met with a warning', async (t) => {
  t.match(await postern('trust', 'status', '--json'), { code: 1, stdout: /"trusted":false/ });
  const href = await visit(async (_browser, href) => href);
  t.match(href, /^chrome-error:/);
  t.equal(rig.got.length, 0);
});

t.test('trusted by this person: the app at its real name, without a warning', async (t) => {
  t.match(await postern('trust', 'install', '--json'), { code: 0, stdout: /nssdb/ });
  t.match(await postern('trust', 'status', '--json'), { code: 0 });
  await visit(async (browser, href, text, errors) => {
    t.equal(href, `https://wiki.${zone}/`);
    t.equal(text, 'from the app');
    t.strictSame(errors, []);
    const plain = await browser.open(`http://wiki.${zone}/`);
    // Another jar of cookies: the portal does not know this browser there, and says so after the way to TLS and over it.
    await plain.waitForText('Postern');
    const absent = await browser.open(`https://nothing.${zone}/`).catch((error: Error) => error);
    t.match(
      String(absent instanceof Error ? absent.message : await absent.evaluate('document.body.innerText')),
      /NAME_NOT_RESOLVED|ERR_NAME/,
    );
  });
  t.match(rig.got.at(-1)?.headers.host, `wiki.${zone}`);
});

t.test('a name that is taken away is gone for the browser', async (t) => {
  const browser = await launchChromium();
  t.teardown(() => browser.close());
  rig.core.setApps([pay]);
  const tab = await browser.open(`https://wiki.${zone}/`).catch((error: Error) => error);
  t.match(
    String(tab instanceof Error ? tab.message : await tab.evaluate('document.body.innerText')),
    /ERR_NAME_NOT_RESOLVED/,
  );
  rig.core.setApps([wiki, pay]);
});

t.test('uninstall removes the trust', async (t) => {
  t.match(await postern('trust', 'uninstall', '--json'), { code: 0, stdout: /nssdb/ });
  t.match(await postern('trust', 'status', '--json'), { code: 1, stdout: /"trusted":false/ });
  t.match(await postern('trust', 'uninstall', '--json'), { code: 0, stdout: /"removed":\[\]/ }, 'once');
  while ((await rig.side.openLink('wiki')).url.startsWith('http:'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await visit(async (_browser, href) => href), /^chrome-error:/);
});

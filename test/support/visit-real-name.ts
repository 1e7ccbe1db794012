/** As one person of a host of its own: opens an app at its real name in a real browser, let in by the one-time file; prints what is seen. */
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { launchChromium } from './chromium.ts';

const [app = ''] = process.argv.slice(2);
const browser = await launchChromium();
try {
  const told = execFileSync('postern', ['open', app, '--print', '--json'], { encoding: 'utf8' });
  const { file, url } = JSON.parse(told) as { file: string; url: string };
  const tab = await browser.open(pathToFileURL(file).href);
  await tab.waitFor(`location.href === ${JSON.stringify(url)} || location.protocol === 'chrome-error:'`);
  const href = await tab.evaluate('location.href');
  const text = await tab.evaluate('document.body.innerText');
  console.log(JSON.stringify({ url, href, text, errors: tab.errors }));
} finally {
  await browser.close();
}

/** Portal behind the agent's own local side: the one-time file lets a real browser in, once (P30), and it signs in. */
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { startLocal } from '../../client-agent/from-apps/start-local.ts';
import { launchChromium, needsChromium } from '../support/chromium.ts';
import { fakeCode, fakePassword, makeFakeAgent } from '../support/fake-agent-portal.ts';
import { localConfig } from '../support/local-config.ts';
import { makeClients } from '../support/make-clients.ts';

t.test('P30: the file of `postern open` signs one browser in', needsChromium(), async (t) => {
  const agent = makeFakeAgent();
  const config = { local: localConfig() };
  const clock = { now: () => Date.now() };
  const directory = t.testdir({});
  const local = await startLocal({
    agent,
    config: config as never,
    directory,
    clients: makeClients(directory),
    clock,
    log: silentLog,
  });
  const browser = await launchChromium();
  t.teardown(async () => {
    await browser.close();
    await local.stop();
  });
  const { file, url } = await local.openLink();

  const stranger = await browser.open(url);
  t.notMatch(await stranger.evaluate('document.body.innerText'), /Password/, 'without the file there is no portal');

  const tab = await browser.open(`file://${file}`);
  await tab.type('input[name=password]', fakePassword);
  await tab.press('Enter');
  await tab.type('input[name=totp]', fakeCode);
  await tab.press('Enter');
  await tab.waitForText('Build server');
  t.equal(await tab.evaluate('location.origin'), new URL(url).origin);
  t.same(tab.errors, []);

  const second = await browser.open(`file://${file}`);
  await second.waitForText('lapsed');
  t.notMatch(await second.evaluate('document.body.innerText'), /Build server/, 'the file works once');
});

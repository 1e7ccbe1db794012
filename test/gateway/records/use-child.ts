/** One of several processes that take the same grants at the same moment; prints those it got. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UseFiles } from '../../../gateway/records/use-files.ts';

const [folder = '', at = '', ...grants] = process.argv.slice(2);
const uses = new UseFiles(folder);
const iat = 1_800_000_000;
await sleep(Math.max(0, Number(at) - Date.now()));
const got = await Promise.all(grants.map(async (jti) => ((await uses.take({ jti, iat, exp: iat + 60 })) ? [jti] : [])));
console.log(JSON.stringify(got.flat()));

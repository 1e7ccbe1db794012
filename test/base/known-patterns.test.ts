import t from 'tap';
import type { TString } from 'typebox';
import { Errors } from 'typebox/value';
import { complaintWords } from '#shared/base/known-patterns.ts';
import { address, appId, hostName, madeId, slug } from '#shared/contracts/common.ts';

t.test('a value that a shared pattern refuses is told in words, whose examples it takes', (t) => {
  for (const schema of [address, appId, hostName, madeId, slug] as (TString & { pattern: string })[]) {
    const [error] = Errors(schema, 'Not One Of Them');
    const words = complaintWords(error!);
    t.notMatch(words, /pattern|\^/, schema.pattern);
    const examples = [...words.matchAll(/(?:like|or) ([^\s,:]\S*[^\s,:])/g)].map(([, example]) => example!);
    for (const example of examples.filter((one) => /[.:_]/.test(one)))
      t.ok(new RegExp(schema.pattern).test(example), `${example} fits ${schema.pattern}`);
  }
  const [other] = Errors(slug, 7);
  t.equal(complaintWords(other!), other!.message, 'what is no pattern keeps its message');
  t.end();
});

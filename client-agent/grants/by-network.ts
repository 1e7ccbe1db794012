/**
 * A refusal by rules that only the network explains (P10): the controller, which knows all but the address that the gateway sees,
 * grants this very request, and the gateway refuses it.
 */
import { PosternError } from '#shared/base/errors.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';

const fix: Fix = {
  kind: 'network',
  text: 'It is not open from the network that you are on. Try from another network of your organisation.',
};

export function byNetwork(refusal: PosternError): PosternError {
  const { code, message, tell, extra } = refusal;
  const more = { ...extra, fixes: [fix] };
  return new PosternError(code, message, { ...(tell === undefined ? {} : { tell }), extra: more, cause: refusal });
}

/** What a search says where some times cannot be true. */
import type { MisdatedShown } from '#shared/contracts/admin-search.ts';
import { plural } from './show.ts';

export const sayMisdated = ({ records, gateways, newest }: MisdatedShown): string =>
  `${plural(records, 'record')} of ${gateways.join(', ')} have a time that cannot be true, and may be of this time or not (${newest === undefined ? '' : `${newest}; `}posternctl log search --event record-misdated)`;

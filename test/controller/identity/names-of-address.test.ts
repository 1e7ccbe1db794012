import t from 'tap';
import { namesOfAddress } from '../../../controller/identity/names-of-address.ts';

t.test('the plain name in the certificate of a gateway', async (t) => {
  t.same(namesOfAddress('gw.example.com:8444'), { dnsNames: ['gw.example.com'] });
  t.same(namesOfAddress('GW.example.com:443'), { dnsNames: ['gw.example.com'] });
  t.same(namesOfAddress('127.0.0.1:8444'), { ipAddresses: ['127.0.0.1'] });
  t.same(namesOfAddress('[2001:db8::1]:8444'), { ipAddresses: ['2001:db8::1'] });
  // What no certificate may carry as a host name is left out; our own peers look at the SPIFFE id only.
  t.same(namesOfAddress('gw_1.example.com:8444'), {});
  t.same(namesOfAddress('-gw.example.com:8444'), {});
});

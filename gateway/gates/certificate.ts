/** P1, P2: a device with a certificate that is in force. TLS has proven it; a long connection is asked again. */
import { type Gate, refuse } from './ask.ts';

export const certificateGate: Gate = ({ peer }, state, at) => {
  if (peer === undefined) return refuse('certificate-missing');
  if (peer.role !== 'device') return refuse('role-refused');
  if (at > peer.notAfter) return refuse('certificate-refused');
  if (state.denied.has(peer.name)) return refuse('certificate-refused');
  return undefined;
};

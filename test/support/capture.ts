/** Packets that pass a host's network, in words of tcpdump. */
import { once } from 'node:events';
import type { Test } from 'tap';
import type { NamespaceHost } from './namespace-host.ts';

export interface Capture {
  /** All that has come so far; the capture lags behind the network. */
  readonly lines: readonly string[];
  /** Ends it, when it has all that was there before. */
  stop(): Promise<readonly string[]>;
}

export interface CaptureOptions {
  /** Interface; `net` unless told. */
  readonly on?: string;
  readonly direction?: 'in' | 'out';
  /** What tcpdump keeps; neighbour discovery and the like aside unless told. */
  readonly filter?: string;
}

/** ARP and neighbour discovery aside. */
export const usualTraffic = 'tcp or udp or icmp or sctp or (icmp6 and ip6[40] < 128)';

export async function startCapture(
  t: Test,
  host: NamespaceHost,
  { on = 'net', direction = 'out', filter = usualTraffic }: CaptureOptions = {},
): Promise<Capture> {
  // `-B`: a scan must not overflow it. What the kernel dropped is told at the end.
  const child = host.start(`exec tcpdump -i ${on} -Q ${direction} -nltU -B 65536 --immediate-mode '${filter}'`);
  const lines: string[] = [];
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.filter((line) => line !== ''));
  });
  let said = '';
  const listening = Promise.withResolvers<void>();
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (/listening on/.test(said)) listening.resolve();
  });
  const closed = once(child, 'close');
  void closed.then(() => listening.reject(new Error(`tcpdump ended: ${said}`)));
  t.teardown(() => {
    child.kill('SIGKILL');
  });
  await listening.promise;
  return {
    lines,
    async stop() {
      // By its own host: what ends here is `nsenter`.
      await host.run(`pkill -INT -x tcpdump`);
      await closed;
      if (!/\n0 packets dropped by kernel/.test(said)) throw new Error(`the capture is not whole: ${said}`);
      return lines;
    },
  };
}

/** What a device says of itself when it enrols: names for people, and what an inventory may be asked for. */
import { hostname } from 'node:os';
import { type Host, readText } from './posture/host.ts';
import type { DeviceFacts } from './to-controller/enrol.ts';

/** SMBIOS on Linux; the serial is readable by root alone, and other systems are not asked yet. */
const smbios = '/sys/class/dmi/id';

export async function deviceFacts(host: Host): Promise<DeviceFacts> {
  const [serial, model] =
    host.os === 'linux'
      ? await Promise.all([readText(host, `${smbios}/product_serial`), readText(host, `${smbios}/product_name`)])
      : [];
  return {
    os: host.os,
    hostName: hostname().slice(0, 253),
    ...(serial ? { serial: serial.slice(0, 128) } : {}),
    ...(model ? { model: model.slice(0, 128) } : {}),
  };
}

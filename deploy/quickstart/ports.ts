/** Which port everything of the quickstart listens on. `--port-base N` lays them out from N on; all on loopback. */

export const portNames = [
  'bootstrap',
  'mutual',
  'gateway',
  'keySets',
  'controllerMetrics',
  'gatewayMetrics',
  'employeePortal',
  'ownerPortal',
  'auditorPortal',
  'employeeSocks',
  'ownerSocks',
  'auditorSocks',
  'wiki',
  'payroll',
  'live',
  'echo',
] as const;
export type PortName = (typeof portNames)[number];
export type Ports = Readonly<Record<PortName, number>>;

const usual: Ports = {
  bootstrap: 8442,
  mutual: 8443,
  gateway: 8444,
  keySets: 8445,
  controllerMetrics: 9464,
  gatewayMetrics: 9465,
  employeePortal: 7070,
  ownerPortal: 7071,
  auditorPortal: 7072,
  employeeSocks: 7080,
  ownerSocks: 7081,
  auditorSocks: 7082,
  wiki: 9001,
  payroll: 9002,
  live: 9003,
  echo: 9004,
};

export function layOutPorts(base: number | undefined): Ports {
  if (base === undefined) return usual;
  return Object.fromEntries(portNames.map((name, index) => [name, base + index])) as Record<PortName, number>;
}

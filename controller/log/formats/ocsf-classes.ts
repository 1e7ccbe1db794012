/**
 * Which class of OCSF a record is. OCSF has no class for a decision about access: a connection is Network Activity with the
 * profile `security_control`, which says allowed or denied; a grant is Authorize Session; and so on, one row a kind.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';

export interface OcsfClass {
  readonly uid: number;
  readonly name: string;
  readonly category: number;
  readonly activities: string;
  readonly activity: (record: AccessRecord) => number;
}

const other = 99;
const phases = { single: 6, opening: 1, progress: 6, closing: 2, interrupted: 3 } as const;
const refused = 5;

const authentication = { uid: 3002, name: 'Authentication', category: 3 } as const;
const entity = { uid: 3004, name: 'Entity Management', category: 3 } as const;
const api: OcsfClass = {
  uid: 6003,
  name: 'API Activity',
  category: 6,
  activities: 'Read of what was read, Create, Delete, else Update',
  activity: (record) => {
    const event = record.event ?? '';
    if (/-(read|exported)$|^(policy-(what-if|who-can|replayed)|app-checked|evaluation|refused|backup)$/.test(event))
      return 2;
    if (/^(.*-added|invited|gateway-invited|initialised|joined|.*-put)$/.test(event)) return 1;
    return /-(removed|voided|withdrawn)$|^pruned$/.test(event) ? 4 : 3;
  },
};

export const ocsfClasses: Readonly<Record<AccessRecord['kind'], OcsfClass>> = {
  access: {
    uid: 4001,
    name: 'Network Activity',
    category: 4,
    activities: 'Open, Traffic, Close, Reset (interrupted), Refuse (denied)',
    activity: ({ phase, verdict }) => (verdict === 'deny' && phase === 'single' ? refused : phases[phase]),
  },
  grant: {
    uid: 3003,
    name: 'Authorize Session',
    category: 3,
    activities: 'Assign Privileges',
    activity: () => 1,
  },
  'sign-in': {
    ...authentication,
    activities: 'Logon, or Logoff of an administrator',
    activity: (record) => (record.event === 'admin-signed-out' ? 2 : 1),
  },
  session: {
    ...authentication,
    activities: 'Logoff when it ended, else Logon',
    activity: (record) => (record.event === 'ended' ? 2 : 1),
  },
  factor: {
    uid: 3001,
    name: 'Account Change',
    category: 3,
    activities: 'Password Change, Password Reset, MFA Factor Enable, MFA Factor Disable, Other',
    activity: (record) => {
      const event = record.event ?? '';
      if (event === 'password-changed') return 3;
      if (event === 'factors-reset') return 4;
      if (event === 'totp-added' || event === 'factors-set') return 10;
      return event === 'factor-removed' || event === 'disabled' ? 11 : other;
    },
  },
  enrolment: { ...entity, activities: 'Enroll', activity: () => 6 },
  device: { ...entity, activities: 'Update', activity: () => 3 },
  posture: {
    uid: 5019,
    name: 'Device Config State Change',
    category: 5,
    activities: 'Log',
    activity: () => 1,
  },
  revocation: {
    uid: 3005,
    name: 'User Access Management',
    category: 3,
    activities: 'Revoke Privileges',
    activity: () => 2,
  },
  policy: api,
  admin: api,
  gateway: api,
  controller: api,
  log: api,
  review: api,
  authzen: api,
};

/**
 * Device posture: the closed table of facts, the agent's report, and the checks an admin can define (P8, P19, P31).
 *
 * A policy sees the reported value of a fact only when it is `pass` and younger than its TTL; in every other case it sees
 * `worst`. So a false report can claim too much only about the device that signed it, and never by being odd or absent.
 */
import { type Static, Type } from 'typebox';
import { oneOf, shortText, slug, strict, text } from './common.ts';

export const osNames = ['linux', 'macos', 'windows'] as const;
export type OsName = (typeof osNames)[number];

export type FactKind = 'boolean' | 'number' | 'text' | 'names';

interface FactShape {
  readonly kind: FactKind;
  readonly worst: boolean | number | string | readonly string[];
  /** Seconds after which a reported value counts as unknown; an organisation may choose others. */
  readonly ttl: number;
  /** In plain words, for employees and admins. */
  readonly meaning: string;
  /** What an employee does about a bad value; an empty text where nothing can be done. */
  readonly fix: Readonly<Record<OsName, string>>;
}

const hour = 3600;
const nothingToFix = { linux: '', macos: '', windows: '' } as const;
const updateFix = {
  linux:
    'Install the pending security updates: "sudo apt update && sudo apt upgrade" or "sudo dnf upgrade --security".',
  macos: 'Open System Settings > General > Software Update and install what is offered.',
  windows: 'Open Settings > Windows Update, check for updates and install them.',
} as const;
const lockFix = {
  linux: 'Open Settings > Privacy > Screen Lock; turn on automatic lock with a short delay.',
  macos: 'Open System Settings > Lock Screen; require the password soon after the display turns off.',
  windows:
    'Open Settings > Personalisation > Lock screen > Screen saver; set a short wait and tick "display logon screen".',
} as const;

/** Pending security updates up to this age still count as `osUpdated`. */
export const updateGraceDays = 14;

export const postureFacts = {
  diskEncrypted: {
    kind: 'boolean',
    worst: false,
    ttl: 24 * hour,
    meaning: 'The disk that holds the system and the data of people is encrypted.',
    fix: {
      linux: 'Linux encrypts the system disk (LUKS) at installation only: ask your administrator for a reinstallation.',
      macos: 'Open System Settings > Privacy & Security > FileVault and turn it on.',
      windows: 'Open Settings > Privacy & security > Device encryption (or Manage BitLocker) and turn it on.',
    },
  },
  firewallOn: {
    kind: 'boolean',
    worst: false,
    ttl: hour,
    meaning: 'A firewall limits what may connect to the device.',
    fix: {
      linux: 'Turn the firewall on: "sudo ufw enable", or "sudo systemctl enable --now firewalld".',
      macos: 'Open System Settings > Network > Firewall and turn it on.',
      windows: 'Open Windows Security > Firewall & network protection and turn it on for all networks.',
    },
  },
  screenLock: {
    kind: 'boolean',
    worst: false,
    ttl: 8 * hour,
    meaning: 'The screen locks by itself and asks for a password.',
    fix: lockFix,
  },
  screenLockSeconds: {
    kind: 'number',
    worst: 86_400,
    ttl: 8 * hour,
    meaning: 'Seconds without a touch until the screen asks for a password.',
    fix: lockFix,
  },
  secureBoot: {
    kind: 'boolean',
    worst: false,
    ttl: 24 * hour,
    meaning: 'The device starts only systems with a trusted signature.',
    fix: {
      linux: 'Turn Secure Boot on in the firmware set-up (often F2 or Del while starting).',
      macos:
        'Start in Recovery, open Startup Security Utility, choose Full Security; "csrutil enable" in its Terminal.',
      windows: 'Turn Secure Boot on in the UEFI set-up: Settings > System > Recovery > Advanced start-up.',
    },
  },
  antivirusOn: {
    kind: 'boolean',
    worst: false,
    ttl: hour,
    meaning: 'A protection against malware is running.',
    fix: {
      linux: 'Start the protection of your organisation, or ClamAV: "sudo systemctl enable --now clamav-daemon".',
      macos: 'Run "sudo spctl --global-enable", or start the protection of your organisation.',
      windows: 'Open Windows Security > Virus & threat protection, turn real-time protection on and update it.',
    },
  },
  osUpdated: {
    kind: 'boolean',
    worst: false,
    ttl: 24 * hour,
    meaning: `No security update has been waiting for more than ${updateGraceDays} days.`,
    fix: updateFix,
  },
  osSupported: {
    kind: 'boolean',
    worst: false,
    ttl: 7 * 24 * hour,
    meaning: 'The maker of the operating system still publishes security updates for this version.',
    fix: {
      linux: 'Upgrade to a supported release of your distribution.',
      macos: 'Open System Settings > General > Software Update and upgrade to a newer macOS.',
      windows: 'Open Settings > Windows Update and upgrade to a newer version of Windows.',
    },
  },
  patchAgeDays: {
    kind: 'number',
    worst: 36_500,
    ttl: 24 * hour,
    meaning: 'Age in days of the oldest security update that waits to be installed; 0 if none waits.',
    fix: updateFix,
  },
  osMajor: {
    kind: 'number',
    worst: 0,
    ttl: 7 * 24 * hour,
    meaning: 'Main version of the system: 15 for macOS 15, 11 for Windows 11, 12 for Debian 12, 24 for Ubuntu 24.04.',
    fix: updateFix,
  },
  os: { kind: 'text', worst: 'unknown', ttl: 7 * 24 * hour, meaning: 'The operating system.', fix: nothingToFix },
  osVersion: {
    kind: 'text',
    worst: '',
    ttl: 7 * 24 * hour,
    meaning: 'Version of the system: "debian 12", "15.6.1" on macOS, "10.0.26100.2314" on Windows.',
    fix: nothingToFix,
  },
  checks: {
    kind: 'names',
    worst: [],
    ttl: hour,
    meaning: 'The checks of your organisation that this device passes.',
    fix: nothingToFix,
  },
} as const satisfies Record<string, FactShape>;

export type FactKey = keyof typeof postureFacts;
/** `checks` is not reported as a fact: the controller makes it of the report's `checks` that pass and are fresh. */
export type ReportedFactKey = Exclude<FactKey, 'checks'>;
type KeysOf<K extends FactKind> = { [F in FactKey]: (typeof postureFacts)[F]['kind'] extends K ? F : never }[FactKey];
type ValueOf<K extends FactKind> = {
  boolean: boolean;
  number: number;
  text: string;
  names: readonly string[];
}[K];
/** What a policy sees: each fact has a value. */
export type FactValues = { -readonly [F in FactKey]: ValueOf<(typeof postureFacts)[F]['kind']> };
export type FactValue<F extends FactKey = FactKey> = FactValues[F];

export const factKeys = Object.keys(postureFacts) as FactKey[];
export const reportedFactKeys = factKeys.filter((key): key is ReportedFactKey => key !== 'checks');
const keysOf = <K extends FactKind>(kind: K) =>
  factKeys.filter((key) => postureFacts[key].kind === kind) as [KeysOf<K>, ...KeysOf<K>[]];

/** Checks of the organisation stand beside the facts under this prefix, in every list, setting and record: `check:<id>`. */
export const checkPrefix = 'check:';
export const checkName = (id: string): string => `${checkPrefix}${id}`;

/** Seconds, by fact. */
export const defaultTtl = Object.fromEntries(factKeys.map((key) => [key, postureFacts[key].ttl])) as Record<
  FactKey,
  number
>;

export const factStatus = oneOf(['pass', 'fail', 'unknown']);
export type FactStatus = Static<typeof factStatus>;
/** Where a value comes from. An agent says only `self`; `mdm` and `attested` are added by the controller. */
export const factSource = oneOf(['self', 'mdm', 'attested']);
export type FactSource = Static<typeof factSource>;

/** Ages, never times: the device's clock is not trusted (P19). A year at most; older is unknown anyway. */
const ageMs = Type.Integer({ minimum: 0, maximum: 366 * 86_400_000 });
const rest = { status: factStatus, detail: Type.Optional(text(200)), ageMs, source: Type.Literal('self') };
const orNull = <S extends Parameters<typeof Type.Optional>[0]>(schema: S) => Type.Union([schema, Type.Null()]);

const booleanFact = strict({ fact: oneOf(keysOf('boolean')), value: orNull(Type.Boolean()), ...rest });
const numberFact = strict({
  fact: oneOf(keysOf('number')),
  value: orNull(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  ...rest,
});
const osFact = strict({ fact: Type.Literal('os'), value: orNull(oneOf(osNames)), ...rest });
const osVersionFact = strict({ fact: Type.Literal('osVersion'), value: orNull(text(64)), ...rest });
/** `value` is null when the status is `unknown`. For numbers and texts `pass` means "measured". */
export const factReport = Type.Union([booleanFact, numberFact, osFact, osVersionFact]);
export type FactReport = Static<typeof factReport>;

export const checkReport = strict({ id: slug, status: factStatus, ageMs });

/** Bytes of the compact JWS, to be checked before it is parsed. */
export const maxReportBytes = 24 * 1024;
export const postureReportType = 'postern-posture+jwt';

/**
 * Payload of the JWS that the device key signs. `seq` rises with every report of a device; the controller takes only a
 * higher one than the last, so yesterday's good report cannot be sent again. A fact or check that appears twice spoils the
 * report (the schema cannot say so: the reader checks it).
 */
export const postureReport = strict({
  v: Type.Literal(1),
  seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  facts: Type.Array(factReport, { maxItems: 32 }),
  checks: Type.Array(checkReport, { maxItems: 64 }),
});
export type PostureReport = Static<typeof postureReport>;

// P31: the controller names things to look at, and nothing it sends is ever run or expanded.
/** Absolute, without `..`, wildcards, variables or control characters; never a network share, whose look-up gives away a password hash. */
const checkedPath = Type.String({
  pattern: '^(?!.*(^|[\\\\/])\\.\\.([\\\\/]|$))(/(?![/\\\\])|[A-Za-z]:\\\\)[^*?"<>|$%`\\u0000-\\u001f\\u007f]*$',
  maxLength: 400,
});
/** The file name of a program, as a process list shows it. */
const processName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,99}$', maxLength: 100 });
const common = {
  id: slug,
  title: shortText,
  os: Type.Optional(Type.Array(oneOf(osNames), { minItems: 1, maxItems: 3 })),
  fix: Type.Optional(text(500)),
};
export const postureCheck = Type.Union([
  strict({ ...common, kind: oneOf(['file-exists', 'file-absent']), path: checkedPath }),
  strict({ ...common, kind: Type.Literal('process-running'), process: processName }),
  /** `command` is the name of an entry of the device's own root-owned allow-list; there are no arguments. */
  strict({ ...common, kind: Type.Literal('command'), command: slug }),
]);
export type PostureCheck = Static<typeof postureCheck>;

/**
 * What the log tells, by kind (docs/access-log.md is made of this table). A record names its event in the open: who was in it can be
 * erased, that it happened cannot (P34). Names are never used for something else.
 */
import type { RecordKind } from './record.ts';

interface KindOf {
  /** When such records are written. */
  readonly about: string;
  /** Each event, with what its `details` hold. Without any, `phase` and `verdict` say it all. */
  readonly events: Readonly<Record<string, string>>;
}

export const recordEvents = {
  access: {
    about:
      'A request or tunnel at a gateway: `opening` before its first byte goes to the app, `progress` every five minutes, `closing` or `interrupted` at its end; `single` for a refusal, or, with `count`, for many equal ones.',
    events: {},
  },
  grant: {
    about:
      'A decision of the controller on a grant, with the facts it rests on. One that is over its budget is told once a second.',
    events: {},
  },
  'sign-in': {
    about: 'Somebody signs in, proves a factor again, or tries to.',
    events: {
      'signed-in': 'A sign-in to its end: method.',
      'stepped-up': 'Factors proven again for a session: purpose, method.',
      'not-started': 'A sign-in that could not begin: purpose.',
      'step-refused': 'A wrong answer to one step: purpose, method.',
      'call-refused': 'A call of a sign-in that the caller may not make: the call.',
      'admin-sign-in': 'At the admin API, good or refused: role.',
      'admin-signed-out': 'An administrator signed out.',
    },
  },
  factor: {
    about: 'Passwords, authenticators and recovery codes.',
    events: {
      'factors-set': 'First factors, or new ones after a reset: how.',
      'factors-reset': 'An administrator took all away and made a code for new ones.',
      'password-changed': 'By the person.',
      'password-change-refused': 'The old password was wrong.',
      'totp-added': 'An authenticator: its id.',
      'factor-removed': 'By the person: its id.',
      'recovery-codes-renewed': 'The former ones are void.',
      disabled: 'After too many failures in a row: its id.',
    },
  },
  enrolment: {
    about: 'A device or a gateway comes with a one-time code.',
    events: {
      'device-enrolled': 'Invitation, approval, fingerprint of its key.',
      'code-refused': 'What was wanted; invitation and its subject where the code was known once.',
    },
  },
  device: {
    about: 'What happens to a device.',
    events: {
      'set-active': 'In service: by approval, by its first sign-in, or lifted.',
      'set-pending': 'A suspension was lifted; it waits for its approval.',
      'set-suspended': 'Taken out of service.',
      'set-gone': 'For good.',
      'device-changed': 'Name or ownership, before and after.',
      rekeyed: 'A new key: its fingerprint.',
      'renewed-expired': 'A certificate renewed after its end.',
      'call-refused': 'A call that the device may not make: the call.',
    },
  },
  posture: {
    about: 'Facts about a device that changed for policies; a report that changes nothing has no record.',
    events: {
      'facts-changed': 'A report changed facts: each with what it was and is.',
      'facts-lapsed': 'Facts became too old to count.',
    },
  },
  session: { about: 'A session ends.', events: { ended: 'Why.' } },
  revocation: {
    about: 'Something is taken back by an administrator.',
    events: {
      revoked: 'What, its id, the change number, how many grants and sessions.',
      contained: 'A person or device was cut off: as above.',
      'key-withdrawn': 'A signing key: its id.',
      'cut-unkept':
        'Gateways were told to cut while the disk of the controller took nothing, which did no more than that: what, its id, when, which gateways confirmed it. Told once the disk takes writes.',
    },
  },
  policy: {
    about: 'Policy versions, drafts and shadows, and the policy stores of API clients.',
    events: {
      published: 'Message, how many policies and tests, which policies were added, changed and removed.',
      'rolled-back': 'To which version; else as above.',
      drafted: 'A draft waits for another administrator.',
      'approval-refused': 'Somebody tried to approve their own draft.',
      approved: 'A draft: its author, the version it became.',
      rejected: 'A draft: its author.',
      'publishing-set': 'How many must approve, before and after.',
      'shadow-started': 'A draft runs beside the version in force.',
      'shadow-ended': 'Why, and what it counted.',
      'policy-store-put': 'A version of a policy store of API clients.',
      'policy-store-removed': 'With all its versions.',
    },
  },
  admin: {
    about: 'What administrators change. `before` and `after` hold the whole thing where there was one.',
    events: {
      'person-added': 'After.',
      'person-changed': 'Before and after.',
      'set-active': 'A person: a suspension is lifted.',
      'set-suspended': 'A person.',
      'set-gone': 'A person, for good: the groups that they left.',
      invited: 'A person, to enrol a device: the invitation.',
      'invitation-voided': 'Which.',
      recovered: 'The way back in of an owner, from the shell.',
      'group-added': 'After.',
      'group-changed': 'Before and after.',
      'group-removed': 'Before.',
      'site-added': 'After.',
      'site-changed': 'Before and after.',
      'app-added': 'After.',
      'app-changed': 'Before and after.',
      'app-removed': 'Before.',
      'app-checked': 'A check of an app at its gateways was ordered.',
      'gateway-invited': 'Site and address.',
      'gateway-removed': 'For good.',
      'inventory-replaced': 'How many serial numbers, before and after.',
      'api-client-added': 'Its name, scopes and end.',
      'api-client-rotated': 'Its name.',
      'api-client-removed': 'Its name.',
      applied: 'A description of many things at once: what it changed, groups and apps (`things`) before and after.',
      backup: 'The file.',
      'rotation-started': 'Of which keys.',
      'root-key-taken': 'The root key left the machine.',
      'root-key-brought': 'The root key came back.',
      refused: 'What an administrator tried and may not do: the call, and whom or what its address named.',
    },
  },
  gateway: {
    about: 'What happens to a gateway.',
    events: {
      joined: 'Invitation and site.',
      'identity-key': 'A new key for what it tells apps.',
      started: 'Agents are served.',
      stopped: 'In order: since when it ran.',
      'ended-unclean': 'Told at the next start: since when it ran and when it was last known to.',
      paused: 'No access could be recorded, so none was given: from when to when, and why.',
      'records-lost':
        'An alarm: a segment of its spool was damaged, and no longer tells some records: the segment, the first and last of their numbers there (at most those, at its end), and where how many bytes cannot be read.',
      'records-silent':
        'An alarm: for ten minutes it was connected, confirmed what is in force and did not say how far its records have come, or no further: since when.',
      'records-tell-again': 'It says so again: from when to when it did not.',
      'log-inconsistent':
        'An alarm: the controller showed a checkpoint of the log that does not go on from the one kept here, or is signed by another key: why, size and root of both (P35).',
      'log-replaced':
        'An alarm: another log is followed from now on, since its controller declared it under the key of the former one, or an operator of the gateway said so: both, and what was kept of the former.',
      knocks: 'Where somebody was refused within five minutes: how many knocks, by outcome.',
      'renewed-expired': 'A certificate renewed after its end.',
    },
  },
  controller: {
    about: 'What happens to the controller.',
    events: {
      initialised: 'The first of all.',
      restored: 'From a backup: which, and what it voided.',
      started: 'It begins to serve.',
      stopped: 'In order: since when it ran.',
      'ended-unclean': 'Told at the next start: since when it ran and when it was last known to.',
      knocks: 'Where somebody was refused within five minutes: how many knocks, by outcome.',
    },
  },
  log: {
    about: 'The log itself: who read it, what was taken out of it, and when it could not be written.',
    events: {
      'records-read': 'What was asked, how many were found.',
      'facts-read': 'A snapshot: its address.',
      'record-proved': 'A proof was made: of which record, at which leaf.',
      'log-verified': 'The log was compared with its tree: how many leaves.',
      'log-exported': 'Leaves and tiles were read as files: how many leaves.',
      'log-resumed': 'A log that waited signs again: what it was, by which checkpoint (P35).',
      'log-opened':
        'Another log begins: size, root and checkpoint of the one before it, and the newest that was known of it (P35).',
      'log-contradicted':
        'An alarm: somebody keeps a checkpoint of this log from which it does not go on: who, its size and root, and those of the log. Nothing is signed from then on (P35).',
      'records-exported': 'What was asked, the form, from which position to which; a long one once a minute.',
      'report-made': 'A report for auditors: which, of what time, with which sample.',
      'review-read': 'Rows of an access review were read: which, by which filter.',
      'evidence-read': 'Records of a period were read with their proofs, for a bundle: its begin and end.',
      'bundle-sealed': 'A bundle of evidence: the SHA-256 of its manifest, its begin and end.',
      'policy-what-if': 'What a draft would change for people.',
      'policy-who-can': 'Who could use an app.',
      'policy-replayed': 'The log judged by a draft.',
      'policy-shadow-read': 'Where a shadow disagreed.',
      'anchor-added': 'A place outside to which checkpoints go, without secrets.',
      'anchor-removed': 'Which, and the newest checkpoint that stands there.',
      'anchor-tried': 'The newest checkpoint was sent there out of turn: what came of it.',
      'anchor-failing':
        'An alarm: checkpoints have not reached a place outside for fifteen minutes, or a witness has signed another tree, or more leaves than there are: since when, why.',
      'anchor-recovered': 'They reach it again.',
      'stream-added': 'A stream to a SIEM: its target, without secrets.',
      'stream-tested': 'This record itself was sent to its target.',
      'stream-paused': 'The last record that its target gets until it is resumed.',
      'stream-resumed': 'Which.',
      'stream-removed': 'Which, and how far it had come.',
      'stream-put-aside': 'An alarm: the target of a stream refuses records for good: which, why.',
      'prune-begun':
        'Old records are taken out: its number, whether retention or an order did it, by kind before when.',
      pruned:
        'It is done: as above, how many of each kind, of what times, how many leaves from which to which and the digest of them, snapshots of facts, and what legal holds and streams kept.',
      'retention-set': 'How long records of a kind stay: before and after, in milliseconds; none is for ever.',
      'floor-set': 'The least age of records was changed in the configuration: before and after, in milliseconds.',
      'retention-refused':
        'Somebody tried to set or to prune less than the floor, or to prune while the clock is not to be believed: which kind, the age.',
      'hold-added': 'A legal hold: its id, its name, what it keeps.',
      'hold-released': 'A legal hold: as above, by whom and when it was set.',
      'erasure-begun': 'A person is erased: by which digest, not who.',
      erased:
        'It is done: the digest, how many records and snapshots it took from, and how many records nobody can read.',
      paused: 'The controller could write nothing, or only for owners: from when to when, and why.',
      'index-mended':
        'An alarm: the index of search did not find a record, or found it by what it does not say, or could not be read: which block of it, which records. It was made anew there.',
      'record-unreadable':
        'An alarm: records of the log cannot be read any more: how many, the first and last of them, by leaf and place. With `standsIn`: what streams and followers get in the place of one.',
      'record-rewritten': 'An alarm: a gateway delivered other content for a place it had delivered before.',
      'record-misdated':
        'An alarm: a gateway told records with a time that cannot be true, later than they arrived (`ahead`) older than what it still had to tell (`behind`), or not within the life of the grant that they name (`outside-its-grant`): how many, in which spools from where to where, of which times, by how much at most (`byMs`), the first of them. Once in ten minutes for a gateway.',
      'record-disputed':
        'An alarm: a gateway told accesses that do not agree with the records of the grants that they name: without a grant, by one that nobody gave, or of another person, device, session, app, policy version, site or gateway than the grant is of (`grounds`): as above.',
    },
  },
  review: {
    about: 'Access reviews: each right of a moment is kept, taken or changed by a named reviewer.',
    events: {
      'review-started': 'Its name, scope, policy version, how many rows, the digest of all of them, until when.',
      'review-assigned': 'Which rows went to whom.',
      'review-decided': 'One row: its number and digest, and the decision. `person` and `app` are those of the right.',
      'review-closed': 'How many rows are kept, taken and changed, and how many of them by default.',
      'decision-refused':
        'Somebody tried to decide on rows that are not theirs, about themselves, decided already, or of a closed review: which.',
    },
  },
  authzen: {
    about: 'What an API client asked at the services listener.',
    events: {
      evaluation: 'Store, subject, action, resource, reason.',
      'subject-search': 'As above, how many were found.',
      'resource-search': 'As above.',
      'action-search': 'As above.',
    },
  },
} as const satisfies Readonly<Record<RecordKind, KindOf>>;

/** `never` for a kind that has none. */
export type RecordEvent<K extends RecordKind = RecordKind> = {
  [One in K]: keyof (typeof recordEvents)[One]['events'];
}[K];

/** What somebody must look at. */
export const alarms: ReadonlySet<string> = new Set<RecordEvent>([
  'record-rewritten',
  'record-misdated',
  'record-disputed',
  'records-lost',
  'records-silent',
  'index-mended',
  'record-unreadable',
  'log-contradicted',
  'anchor-failing',
  'log-inconsistent',
  'log-replaced',
  'stream-put-aside',
]);

/**
 * The closed list of reasons. Every verdict names members of it; log, admin, employee and tests use the same words.
 * A gate's refusal uses its error code as its reason, so that a problem document and a record never disagree.
 */

export const allowReasons = {
  'policy-permit': 'A policy permits it and none forbids it.',
  'grant-valid': 'The grant passed every gate.',
  'owner-shell': 'An owner acted from a shell on the host of the controller.',
  'role-allows': 'The role of the administrator allows it.',
} as const;

export const denyReasons = {
  // Deciding
  'no-permit': 'No policy permits it.',
  'policy-forbid': 'A policy forbids it.',
  'policy-error': 'A policy that forbids could not be evaluated, so it forbids (P7).',
  'policy-unavailable': 'No policy version is in force.',
  'person-not-active': 'The person is suspended or gone.',
  'device-not-active': 'The device is pending, suspended or gone.',
  'session-required': 'There is no signed-in session on this device.',
  'session-idle': 'The session was idle for too long.',
  'groups-unreadable': 'The groups of the person could not be read (P8).',
  'app-unknown': 'There is no such app.',
  'action-mismatch': 'The app does not know this action.',
  'request-needed': 'A policy looks at the request, and none was given.',
  'rules-too-large': 'What could not be decided yet does not fit into a grant (P11).',
  'over-budget': 'The device asked for too many grants.',
  'no-gateway': 'No fresh gateway serves the app.',
  // Signing in (what the log says; the peer reads one constant)
  'wrong-password': 'The password is wrong.',
  'wrong-code': 'The one-time code is wrong.',
  'code-used': 'The code was used before.',
  throttled: 'Too many attempts.',
  'no-factor': 'The person has no such factor.',
  'flow-ended': 'The sign-in has ended or waits for another step.',
  'wrong-device': 'The session or flow belongs to another device.',
  'wrong-role': 'The role does not allow it.',
  'decided-before': 'Somebody had decided before, or had closed it.',
  'code-unknown': 'There is no such code.',
  'code-voided': 'The code was voided.',
  'code-expired': 'The code has expired.',
  'code-misplaced': 'The code is for another person or for something else.',
  // Gates: the same words as the error codes
  'knock-refused': 'It met silence: no good knock came before it.',
  'certificate-missing': 'No certificate was presented.',
  'certificate-refused': 'The certificate is not accepted.',
  'role-refused': 'The certificate has another role.',
  'grant-missing': 'No grant was presented.',
  'grant-malformed': 'The grant cannot be read.',
  'grant-type': 'The token is of another class.',
  'grant-key-unknown': 'The signing key of the grant is not known.',
  'grant-signature': 'The signature of the grant is wrong.',
  'grant-issuer': 'The grant was issued by another controller.',
  'grant-audience': 'The grant is for another site or gateway.',
  'grant-binding': 'The grant is bound to another key.',
  'grant-early': 'The grant is not valid yet.',
  'grant-lifetime': 'The grant lives too long.',
  'grant-expired': 'The grant has expired.',
  'grant-below-floor': 'The grant is below the floor of its app.',
  'grant-revoked': 'The grant has been taken back.',
  'app-mismatch': 'The grant is for another app.',
  'rules-refused': 'The rules of the grant do not allow this request.',
  'once-needed': 'The request is granted for one use only, and the grant is for many.',
  'grant-used': 'The grant was for one use and has been used.',
  'rules-unknown': 'The rules of the grant have an unknown construct.',
  'request-refused': 'The request has no one canonical form.',
  'cross-site': 'The request was made by another site.',
  'limit-reached': 'A limit of the app is reached.',
  'gateway-stale': 'The gateway is stale and the app is strict.',
  'record-failed': 'The record could not be written.',
  'stream-cut': 'A running stream was ended.',
  'body-too-large': 'The body is larger than the app allows.',
} as const;

export type AllowReason = keyof typeof allowReasons;
export type DenyReason = keyof typeof denyReasons;
export type Reason = AllowReason | DenyReason;

export const reasonNames = [...Object.keys(allowReasons), ...Object.keys(denyReasons)] as [Reason, ...Reason[]];

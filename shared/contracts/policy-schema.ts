/**
 * The Cedar schema that ships with the product. Posture facts are required attributes named for the
 * good state, so that a policy can never meet an absent one (P8).
 *
 * Ages are whole seconds; `never` (2^31) stands for "did not happen", so that "younger than" fails and "older than" holds.
 */

export const never = 2_147_483_648;

export const policySchemaText = `
entity Group in [Group];
entity Person in [Group] = { name: String, role: String };
entity AppGroup;
entity App in [AppGroup] = { kind: String, site: String };

type SessionFacts = {
  methods: Set<String>,
  secondFactor: Bool,
  signInAge: Long,
  secondFactorAge: Long
};
type DeviceFacts = {
  id: String,
  ownership: String,
  os: String,
  osVersion: String,
  osMajor: Long,
  osSupported: Bool,
  osUpdated: Bool,
  patchAgeDays: Long,
  diskEncrypted: Bool,
  firewallOn: Bool,
  screenLock: Bool,
  screenLockSeconds: Long,
  secureBoot: Bool,
  antivirusOn: Bool,
  checks: Set<String>
};
type NetworkFacts = { address: ipaddr };
type TimeFacts = { now: datetime, minuteOfDay: Long, weekday: Long };
type RiskFacts = { level: Long };
type RequestFacts = { method: String, host: String, path: String, query: String, operation: String };

action request appliesTo {
  principal: [Person],
  resource: [App],
  context: { session: SessionFacts, device: DeviceFacts, network: NetworkFacts, time: TimeFacts, risk: RiskFacts, request: RequestFacts }
};
action connect appliesTo {
  principal: [Person],
  resource: [App],
  context: { session: SessionFacts, device: DeviceFacts, network: NetworkFacts, time: TimeFacts, risk: RiskFacts }
};
`;

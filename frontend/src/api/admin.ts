import { rfc3339 } from "../lib/zone";
import type {
  AccountPage,
  AccountPatch,
  ApiKey,
  ApiKeyPage,
  ApiKeyRotation,
  AuditPage,
  CreatedPerson,
  CredentialList,
  CredentialOrder,
  DevicePatch,
  DeviceReplacement,
  EndedCredentials,
  FirmwareMeterPage,
  FirmwarePage,
  FirmwareRelease,
  Losses,
  MadeCredentials,
  NewApiKey,
  NewPerson,
  PasswordLink,
  Person,
  PersonPage,
  PersonPatch,
  SessionPage,
  Settings,
  SettingsPatch,
} from "./admin-types";
import { authorized } from "./endpoints";
import { sendForFile } from "./http";
import type { Account, CreatedDevice, Device, DevicePage } from "./types";

/** What only administrators ask for: nothing of it is in the first bundle. */
type Signal = AbortSignal | undefined;

const inPath = encodeURIComponent;
const PAGE = 1000;

// --- meters ---

export function getDevice(id: string, signal?: Signal): Promise<Device> {
  return authorized({ path: `/api/devices/${inPath(id)}`, signal });
}

/** The meter of exactly this id; null: there is none, which is no error here. */
export async function findDevice(id: string, signal?: Signal): Promise<Device | null> {
  const query = { q: id, limit: PAGE };
  const { devices } = await authorized<DevicePage>({ path: "/api/devices", query, signal });
  return devices.find(({ device_id }) => device_id === id) ?? null;
}

export function updateDevice(id: string, body: DevicePatch): Promise<Device> {
  return authorized({ method: "PATCH", path: `/api/devices/${inPath(id)}`, body });
}

export function revokeDevice(id: string): Promise<EndedCredentials> {
  return authorized({ method: "POST", path: `/api/devices/${inPath(id)}/revoke` });
}

export function replaceDevice(id: string, body: DeviceReplacement): Promise<CreatedDevice> {
  return authorized({ method: "POST", path: `/api/devices/${inPath(id)}/replace`, body });
}

export function listCredentials(id: string, signal?: Signal): Promise<CredentialList> {
  return authorized({ path: `/api/devices/${inPath(id)}/credentials`, signal });
}

export function makeCredentials(id: string, body: CredentialOrder): Promise<MadeCredentials> {
  return authorized({ method: "POST", path: `/api/devices/${inPath(id)}/credentials`, body });
}

export function finishCredentials(id: string): Promise<EndedCredentials> {
  const body = { finish: true };
  return authorized({ method: "POST", path: `/api/devices/${inPath(id)}/credentials`, body });
}

// --- firmware ---

export function listReleases(cursor: string | undefined, signal?: Signal): Promise<FirmwarePage> {
  return authorized({ path: "/api/firmware", query: { cursor }, signal });
}

export function listReleaseMeters(
  no: number,
  cursor: string | undefined,
  signal?: Signal,
): Promise<FirmwareMeterPage> {
  return authorized({ path: `/api/firmware/${no}/devices`, query: { cursor }, signal });
}

export function haltRelease(no: number, reason: string): Promise<FirmwareRelease> {
  return authorized({ method: "POST", path: `/api/firmware/${no}/halt`, body: { reason } });
}

export function resumeRelease(no: number): Promise<FirmwareRelease> {
  return authorized({ method: "POST", path: `/api/firmware/${no}/resume` });
}

// --- the site ---

export function getSettings(signal?: Signal): Promise<Settings> {
  return authorized({ path: "/api/settings", signal });
}

export function updateSettings(body: SettingsPatch): Promise<Settings> {
  return authorized({ method: "PATCH", path: "/api/settings", body });
}

export function getLosses(month: string, signal?: Signal): Promise<Losses> {
  return authorized({ path: "/api/losses", query: { month }, signal });
}

// --- accounts ---

export function listAccounts(cursor: string | undefined, signal?: Signal): Promise<AccountPage> {
  return authorized({ path: "/api/accounts", query: { limit: PAGE, cursor }, signal });
}

export function getAccount(id: string, signal?: Signal): Promise<Account> {
  return authorized({ path: `/api/accounts/${inPath(id)}`, signal });
}

export function updateAccount(id: string, body: AccountPatch): Promise<Account> {
  return authorized({ method: "PATCH", path: `/api/accounts/${inPath(id)}`, body });
}

// --- people ---

export function listUsers(cursor: string | undefined, signal?: Signal): Promise<PersonPage> {
  return authorized({ path: "/api/users", query: { limit: PAGE, cursor }, signal });
}

export function createUser(body: NewPerson): Promise<CreatedPerson> {
  return authorized({ method: "POST", path: "/api/users", body });
}

export function getUser(id: string, signal?: Signal): Promise<Person> {
  return authorized({ path: `/api/users/${inPath(id)}`, signal });
}

export function updateUser(id: string, body: PersonPatch): Promise<Person> {
  return authorized({ method: "PATCH", path: `/api/users/${inPath(id)}`, body });
}

export function createResetLink(id: string): Promise<PasswordLink> {
  return authorized({ method: "POST", path: `/api/users/${inPath(id)}/reset-link` });
}

export function listUserSessions(id: string, signal?: Signal): Promise<SessionPage> {
  return authorized({ path: `/api/users/${inPath(id)}/sessions`, signal });
}

export function endUserSession(id: string, session: string): Promise<void> {
  const path = `/api/users/${inPath(id)}/sessions/${inPath(session)}`;
  return authorized({ method: "DELETE", path });
}

export function exportPerson(id: string): Promise<Blob> {
  return authorized({ path: `/api/users/${inPath(id)}/export` }, sendForFile);
}

export function erasePerson(id: string): Promise<void> {
  return authorized({ method: "POST", path: `/api/users/${inPath(id)}/erase` });
}

// --- keys ---

export function listKeys(cursor: string | undefined, signal?: Signal): Promise<ApiKeyPage> {
  return authorized({ path: "/api/keys", query: { limit: 200, cursor }, signal });
}

export function createKey(body: NewApiKey): Promise<ApiKey> {
  return authorized({ method: "POST", path: "/api/keys", body });
}

export function rotateKey(id: string, body: ApiKeyRotation): Promise<ApiKey> {
  return authorized({ method: "POST", path: `/api/keys/${inPath(id)}/rotate`, body });
}

export function revokeKey(id: string): Promise<void> {
  return authorized({ method: "DELETE", path: `/api/keys/${inPath(id)}` });
}

// --- audit ---

export interface AuditQuery {
  fromMs: number;
  toMs: number;
  action: string;
  subject: string;
  user: string;
}

export function listAudit(
  { fromMs, toMs, action, subject, user }: AuditQuery,
  cursor: string | undefined,
  limit: number,
  signal?: Signal,
): Promise<AuditPage> {
  const query = {
    from: rfc3339(fromMs),
    to: rfc3339(toMs),
    action: action || undefined,
    subject: subject || undefined,
    user: user || undefined,
    newest: 1,
    limit,
    cursor,
  };
  return authorized({ path: "/api/audit", query, signal });
}

/** The whole log walked: whether it is as it was written. */
export function verifyAudit(signal?: Signal): Promise<AuditPage> {
  return authorized({ path: "/api/audit", query: { verify: 1, limit: 1 }, signal });
}

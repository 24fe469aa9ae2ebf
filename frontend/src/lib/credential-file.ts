import type { DeviceCredentials } from "../api/admin-types";

/** As much as a QR code of level L holds in bytes. */
const QR_BYTES = 2953;

/** What a meter is set up by, as a file: all that was shown, under the API's own names. */
export function credentialFile(deviceId: string, credentials: DeviceCredentials): string {
  return `${JSON.stringify({ device_id: deviceId, ...credentials }, null, 2)}\n`;
}

/** The same for a QR code: without blanks, and without what does not fit in one. */
export function credentialCode(deviceId: string, credentials: DeviceCredentials): string {
  const { kind, mqtt, ca_pem, certificate_pem, key_pem } = credentials;
  const whole = { device_id: deviceId, kind, mqtt, ca_pem, certificate_pem, key_pem };
  const text = JSON.stringify(whole);
  if (new TextEncoder().encode(text).length <= QR_BYTES) return text;
  return JSON.stringify({ device_id: deviceId, kind, mqtt });
}

/** Name and value of each thing that is shown, in the order in which a meter asks for them. */
export function credentialEntries(credentials: DeviceCredentials): [name: CredentialName, value: string][] {
  const { mqtt, ca_pem, certificate_pem, key_pem } = credentials;
  const all: [CredentialName, string | null | undefined][] = [
    ["host", mqtt.host],
    ["port", String(mqtt.port)],
    ["user", mqtt.username],
    ["password", mqtt.password],
    ["identity", mqtt.identity],
    ["key", mqtt.key],
    ["certificate", certificate_pem],
    ["certificateKey", key_pem],
    ["ca", ca_pem],
  ];
  return all.filter((entry): entry is [CredentialName, string] => Boolean(entry[1]));
}

export type CredentialName =
  | "host"
  | "port"
  | "user"
  | "password"
  | "identity"
  | "key"
  | "certificate"
  | "certificateKey"
  | "ca";

import { describe, expect, it } from "vitest";
import type { DeviceCredentials } from "../api/admin-types";
import { credentialCode, credentialEntries, credentialFile } from "./credential-file";

const password: DeviceCredentials = {
  kind: "password",
  mqtt: { host: "broker", port: 8883, username: "m1", password: "secret" },
  ca_pem: "-----BEGIN CERTIFICATE-----\nabc\n",
};

describe("a meter's login", () => {
  it("is a file with all of it", () => {
    expect(JSON.parse(credentialFile("m1", password))).toEqual({ device_id: "m1", ...password });
  });

  it("is a code without what does not fit in one", () => {
    expect(JSON.parse(credentialCode("m1", password))).toEqual({ device_id: "m1", ...password });
    const long = { ...password, ca_pem: "x".repeat(3000) };
    expect(JSON.parse(credentialCode("m1", long))).toEqual({
      device_id: "m1",
      kind: "password",
      mqtt: password.mqtt,
    });
  });

  it("is told by what there is", () => {
    expect(credentialEntries(password).map(([name]) => name)).toEqual([
      "host",
      "port",
      "user",
      "password",
      "ca",
    ]);
    const psk: DeviceCredentials = {
      kind: "psk",
      mqtt: { host: "b", port: 1, identity: "m1", key: "00ff" },
    };
    expect(credentialEntries(psk).map(([name]) => name)).toEqual(["host", "port", "identity", "key"]);
  });
});

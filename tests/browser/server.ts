import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type APIRequestContext, expect } from "@playwright/test";
import type {
  AggregateReadings,
  Bill,
  DevicePage,
  Reading,
  Session,
  Site,
} from "../../frontend/src/api/types.ts";
import { target } from "./target.ts";

const run = promisify(execFile);

/** The server's own answers, to hold the pages against. */
export class Server {
  private constructor(
    private readonly request: APIRequestContext,
    private readonly token: string,
  ) {}

  static async signIn(request: APIRequestContext): Promise<Server> {
    const data = { email: target.email, password: target.password };
    const answer = await request.post("/api/auth/login", { data });
    expect(answer.status()).toBe(200);
    return new Server(request, ((await answer.json()) as Session).token);
  }

  async get<T>(path: string, params: Record<string, string> = {}): Promise<T> {
    const headers = { Authorization: `Bearer ${this.token}` };
    const answer = await this.request.get(path, { headers, params });
    expect(answer.status(), path).toBe(200);
    return (await answer.json()) as T;
  }

  site(): Promise<Site> {
    return this.get("/api/site");
  }

  bill(month: string): Promise<Bill> {
    return this.get(`/api/billing/${target.device}`, { month });
  }

  buckets(agg: string, from: string, to: string): Promise<AggregateReadings> {
    return this.get(`/api/devices/${target.device}/readings`, { agg, from, to });
  }

  async lastReading(): Promise<Reading | null> {
    const { devices } = await this.get<DevicePage>("/api/devices", { limit: "1000" });
    return devices.find(({ device_id }) => device_id === target.device)?.last_reading ?? null;
  }
}

/** Lets the meter speak: the next reading after `last`, a watt-hour on, over the real broker. */
export async function publish(last: Reading | null, watts: number, voltage = 231.5): Promise<void> {
  const after = last ? Date.parse(last.timestamp) + 1 : 0;
  const reading = {
    device_id: target.device,
    timestamp: new Date(Math.max(Date.now(), after)).toISOString(),
    voltage,
    current: 5.5,
    power_w: watts,
    energy_kwh: Math.round(((last?.energy_kwh ?? 0) + 0.001) * 1000) / 1000,
    power_factor: 0.97,
  };
  const topic = `meters/${target.device}/telemetry`;
  await run("mosquitto_pub", ["-p", target.mqttPort, "-q", "1", "-t", topic, "-m", JSON.stringify(reading)]);
}

import { tmpdir } from "node:os";
import { join } from "node:path";

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; tests/browser/README.md says what the tests need`);
  return value;
}

/** What is tested, and as whom: all of it from the environment. */
export const target = {
  url: required("SMARTMETER_URL"),
  email: required("SMARTMETER_TEST_EMAIL"),
  password: required("SMARTMETER_TEST_PASSWORD"),
  device: required("SMARTMETER_TEST_DEVICE"),
  mqttPort: required("SMARTMETER_MQTT_PORT"),
  /** An origin that the server was told of, on this machine, where nothing listens yet. */
  namedOrigin: required("SMARTMETER_TEST_ORIGIN"),
  /** A month whose bill is known, and its total: checked when set. */
  expectMonth: process.env.EXPECT_MONTH,
  expectTotal: process.env.EXPECT_TOTAL,
  /** A one-time link, and the e-mail of somebody with a temporary password: what they are for is tested when set. */
  link: process.env.SMARTMETER_TEST_LINK,
  /** Somebody with the same password as `email`, whose profile a test may change. */
  person: process.env.SMARTMETER_TEST_PERSON,
  newcomer: process.env.SMARTMETER_TEST_NEWCOMER,
  /** An administrator, whose pages are tested when set. */
  adminEmail: process.env.SMARTMETER_TEST_ADMIN_EMAIL,
  adminPassword: process.env.SMARTMETER_TEST_ADMIN_PASSWORD,
  chromium: process.env.SMARTMETER_CHROMIUM ?? "/usr/bin/chromium",
  /** The same without windows of its own, in each of which are pages of its own that take as much as a page that is tested. */
  headless: process.env.SMARTMETER_CHROMIUM ?? "/usr/bin/chromium-headless-shell",
  screenshots: process.env.SCREENSHOT_DIR,
  report: process.env.SMARTMETER_BROWSER_REPORT,
  outputDir: process.env.SMARTMETER_BROWSER_OUTPUT ?? join(tmpdir(), `smartmeter-browser-${process.pid}`),
};

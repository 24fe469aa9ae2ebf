// The usual Node stack for the same work: mqtt.js takes the messages, better-sqlite3 stores them, one INSERT a reading, in one
// transaction for all that came in a tick. mqtt.js acknowledges a message when its handlers have returned, which is
// before it is stored.
// Usage: node subscriber.js PORT DATABASE plain|unique. `plain` is a table without any index, as cheap to fill as can be, in
// which a reading that comes twice stands twice; `unique` keeps (device, time) once, as smartmeter does.
// Ends at SIGTERM, with all stored.
import Database from 'better-sqlite3';
import mqtt from 'mqtt';

const [port, path, table] = process.argv.slice(2);
const unique = table === 'unique';
const db = new Database(path);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`CREATE TABLE reading (
  device_id TEXT NOT NULL, ts INTEGER NOT NULL, voltage REAL, current REAL, power_w REAL, energy_kwh REAL,
  power_factor REAL, frequency_hz REAL${unique ? ', UNIQUE (device_id, ts)' : ''}) STRICT`);
const insert = db.prepare(`INSERT ${unique ? 'OR IGNORE ' : ''}INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);

let waiting = [];

const storeAll = db.transaction((payloads) => {
  for (const payload of payloads) {
    const value = JSON.parse(payload);
    for (const r of Array.isArray(value) ? value : [value])
      insert.run(r.device_id, Date.parse(r.timestamp), r.voltage, r.current, r.power_w, r.energy_kwh,
        r.power_factor, r.frequency_hz);
  }
});

function flush() {
  const payloads = waiting;
  waiting = [];
  if (payloads.length > 0) storeAll(payloads);
}

const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { clientId: 'bench-node', clean: false, protocolVersion: 4 });
client.on('connect', () => client.subscribe('meters/+/telemetry', { qos: 1 }));
client.on('message', (topic, payload) => {
  if (waiting.length === 0) setImmediate(flush);
  waiting.push(payload);
});

process.on('SIGTERM', () => {
  flush();
  const { rows } = db.prepare('SELECT count(*) AS rows FROM reading').get();
  console.log(`rows=${rows}`);
  db.close();
  process.exit(0);
});

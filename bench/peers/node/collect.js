// The work of `posture collect --source defender.device_vulnerabilities`, on the official client
// libraries for Node.js: export files in, gzip parts to blob, rows to Logs Ingestion.
//
// Written as a careful developer would write it: files are read as a stream, a part at a time is in
// memory, and rows go to the workspace in the library's own batches.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { createGunzip, gzip as gzipWithCallback } from "node:zlib";
import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import { LogsIngestionClient } from "@azure/monitor-ingestion";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";

const gzip = promisify(gzipWithCallback);
const SOURCE = "defender.device_vulnerabilities";
const STREAM = "Custom-PostureDeviceVulnerabilities_CL";
const LISTING = "/api/machines/SoftwareVulnerabilitiesExport?sasValidHours=6";
const KEY = ["DeviceId", "SoftwareVendor", "SoftwareName", "SoftwareVersion", "CveId"];
const PART_BYTES = 1_000_000;
const ROWS_A_CALL = 5_000; // `upload` cuts them into requests of 1 MB
// The account of Azurite and its key, the same on every machine and no secret.
const ACCOUNT = new StorageSharedKeyCredential(
  "devstoreaccount1",
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
);
const env = process.env;

// A credential with one token that holds for an hour.
const staticToken = {
  getToken: async () => ({ token: "bench", expiresOnTimestamp: Date.now() + 3_600_000 }),
};

// The library sends tokens by https only: the sink on loopback stands behind such an address.
const client = createDefaultHttpClient();
const toSink = {
  sendRequest(request) {
    request.url = request.url.replace("https://logs.invalid", env.POSTURE_LOGS_URL);
    request.allowInsecureConnection = true;
    return client.sendRequest(request);
  },
};

// Links to the export's files, in order.
async function files() {
  const headers = { authorization: "Bearer bench" };
  const answer = await fetch(env.POSTURE_DEFENDER_URL + LISTING, { headers });
  if (!answer.ok) throw new Error(`the listing answered ${answer.status}`);
  return (await answer.json()).exportFiles;
}

// Every row of every file, behind its envelope, while the files arrive.
async function* records(links, envelope) {
  const identity = `${envelope.AadTenantId}\n${SOURCE}\n`;
  for (const link of links) {
    const answer = await fetch(link);
    if (!answer.ok) throw new Error(`a file answered ${answer.status}`);
    const inflated = Readable.fromWeb(answer.body).pipe(createGunzip());
    for await (const line of createInterface({ input: inflated, crlfDelay: Infinity })) {
      const row = JSON.parse(line);
      const key = identity + KEY.map((name) => row[name] ?? "").join("\n");
      const id = createHash("sha256").update(key).digest("hex").slice(0, 32);
      // In place: a spread of that many fields makes a slow object.
      yield Object.assign(row, envelope, { RecordId: id });
    }
  }
}

// Gathers lines, and keeps them as gzip parts of about 1 MB of JSON.
class Parts {
  constructor(container, folder) {
    Object.assign(this, { container, folder, lines: [], size: 0, count: 0 });
  }

  async add(record) {
    const line = JSON.stringify(record);
    const size = Buffer.byteLength(line) + 1;
    if (this.size + size > PART_BYTES) await this.close();
    this.lines.push(line);
    this.size += size;
  }

  async close() {
    if (this.lines.length === 0) return;
    this.count += 1;
    const part = await gzip(this.lines.join("\n") + "\n", { level: 1 });
    const name = `${this.folder}/${String(this.count).padStart(6, "0")}.jsonl.gz`;
    const conditions = { ifNoneMatch: "*" };
    await this.container.getBlockBlobClient(name).upload(part, part.length, { conditions });
    this.lines = [];
    this.size = 0;
  }
}

async function main() {
  const began = new Date().toISOString();
  const run = began.replace(/[-:]|\.\d+/g, "");
  const envelope = {
    TimeGenerated: began,
    CollectedTime: began,
    AadTenantId: env.POSTURE_TENANT_ID,
    TenantName: env.POSTURE_TENANT_NAME,
    Source: SOURCE,
    RunId: run,
  };
  const rule = env.POSTURE_LOGS_RULES.split(",")[0];
  const logs = new LogsIngestionClient("https://logs.invalid", staticToken, { httpClient: toSink });
  const container = new ContainerClient(`${env.POSTURE_STORAGE}/posture`, ACCOUNT);
  const day = began.slice(0, 10).replaceAll("-", "/");
  const parts = new Parts(container, `records/${env.POSTURE_TENANT_ID}/${SOURCE}/${day}/${run}`);
  let kept = 0;
  let batch = [];
  const send = async () => {
    await logs.upload(rule, STREAM, batch);
    kept += batch.length;
    batch = [];
  };
  for await (const record of records(await files(), envelope)) {
    await parts.add(record);
    batch.push(record);
    if (batch.length === ROWS_A_CALL) await send();
  }
  if (batch.length > 0) await send();
  await parts.close();
  console.log(JSON.stringify({ rows: kept, parts: parts.count }));
}

await main();

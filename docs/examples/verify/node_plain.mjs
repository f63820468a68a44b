// Receive webhooks with Node.js alone.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

const key = Buffer.from((process.env.WEBHOOK_SECRET ?? "").replace(/^whsec_/, ""), "base64");
if (key.length === 0) throw new Error("WEBHOOK_SECRET is empty: anybody could sign with it.");
const inbox = process.env.WEBHOOK_INBOX;

// Whether these raw bytes were signed with the secret, within five minutes of now.
function isOurs(id, timestamp, signatures, body) {
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${digest}`);
  return signatures.split(" ").some((text) => {
    const given = Buffer.from(text);
    // timingSafeEqual throws when the lengths differ.
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

// One file for each event: a repeat finds it there. Renamed when complete, so that nobody reads half of it.
function keep(id, body) {
  const kept = join(inbox, `${id}.json`);
  if (existsSync(kept)) return;
  const arriving = join(inbox, `${randomUUID()}.part`);
  writeFileSync(arriving, body);
  renameSync(arriving, kept);
}

async function receive(request) {
  const body = await buffer(request);
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map(
    (name) => request.headers[`webhook-${name}`] ?? "",
  );
  if (!isOurs(id, timestamp, signatures, body)) return 400;
  keep(id, body);
  return 200;
}

createServer((request, response) => {
  const answer = (status) => response.writeHead(status).end();
  // Cut off half way, or not kept: it will be sent again.
  receive(request).then(answer, () => answer(500));
}).listen(Number(process.env.PORT ?? 4000), "127.0.0.1");

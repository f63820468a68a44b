// Receive webhooks with the standardwebhooks package and node:http. First: npm install standardwebhooks
import { randomUUID } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const inbox = process.env.WEBHOOK_INBOX;

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
  try {
    webhook.verify(body, request.headers);
  } catch {
    return 400;
  }
  keep(request.headers["webhook-id"], body);
  return 200;
}

createServer((request, response) => {
  const answer = (status) => response.writeHead(status).end();
  // Cut off half way, or not kept: it will be sent again.
  receive(request).then(answer, () => answer(500));
}).listen(Number(process.env.PORT ?? 4000), "127.0.0.1");

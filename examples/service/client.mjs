// Verdicts from `detector serve` for a file of JSON lines, as a stream; needs only Node 18 or newer.
//
//     node client.mjs pages.jsonl    # DETECTOR_URL and DETECTOR_TOKEN may be set
//
// The answer arrives while the file is being sent, and neither is ever whole in memory.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";

const url = process.env.DETECTOR_URL ?? "http://127.0.0.1:8765";
const headers = { "Content-Type": "application/x-ndjson" };
if (process.env.DETECTOR_TOKEN) headers.Authorization = `Bearer ${process.env.DETECTOR_TOKEN}`;

async function send(path) {
  for (;;) {
    const body = Readable.toWeb(createReadStream(path));
    const answer = await fetch(`${url}/v1/score?evidence=false`, { method: "POST", headers, body, duplex: "half" });
    if (answer.ok) return answer;
    const problem = await answer.json();
    if (answer.status !== 429 && answer.status !== 503) throw new Error(problem.detail);
    await wait(1000 * Number(answer.headers.get("Retry-After") ?? 1));
  }
}

const answer = await send(process.argv[2]);
for await (const line of createInterface({ input: Readable.fromWeb(answer.body) })) {
  const verdict = JSON.parse(line);
  if (verdict.incomplete) throw new Error(`the rest was not scored: ${verdict.problem.detail}`);
  console.log(verdict.id, verdict.status, verdict.verdict, verdict.reasons.join("+"));
}

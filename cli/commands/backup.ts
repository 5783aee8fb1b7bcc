/** `epoxy backup FILE`: streams a replica's snapshot to a file, and calls it done only once the file was read back whole. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { request } from "undici";
import { readBackup } from "../../server/backup/read.ts";
import { clientOptions, globalOptions } from "../context.ts";
import { CommandError, exit } from "../exit.ts";
import { json, line } from "../output.ts";
import { createWaitLine } from "../wait-line.ts";

/** The server says something at least this often. */
const SILENCE_MS = 60_000;

export async function backup(file: string, _options: object, command: Command): Promise<void> {
  const options = globalOptions(command);
  const { endpoints, token } = clientOptions(options);
  const part = `${file}.part`;
  let last: CommandError | null = null;
  for (const url of endpoints) {
    try {
      await download(url, token, part, options.json !== true);
      const { head, states } = await readBackup(part);
      await rename(part, file);
      if (options.json === true) json({ file, ...head, keys: states.size });
      else
        line(
          `${file}: ${states.size} keys of cluster ${head.cluster} (${head.clusterId}), from replica ${head.replica} in epoch ${head.epoch}`,
        );
      return;
    } catch (error) {
      await rm(part, { force: true });
      last = error instanceof CommandError ? error : new CommandError((error as Error).message, exit.error, { cause: error });
    }
  }
  throw last ?? new CommandError("no datacenter to ask", exit.usage);
}

async function download(url: string, token: string | null, part: string, isTold: boolean): Promise<void> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await request(`${url}/v1/backup`, { headers, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS }).catch(
    (error: Error) => {
      throw new CommandError(`cannot reach ${url}: ${error.message}`, exit.unreachable, { cause: error });
    },
  );
  if (answer.statusCode !== 200) {
    const { error } = (await answer.body.json().catch(() => ({}))) as { error?: { code: string; message: string } };
    throw new CommandError(`${url} answered ${answer.statusCode}: ${error?.message ?? "without a reason"}`, exit.error);
  }
  if (!isTold || !process.stderr.isTTY) return pipeline(answer.body, createWriteStream(part));
  const progress = createWaitLine(process.stderr);
  let bytes = 0;
  answer.body.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    progress.say(`${(bytes / 1_000_000).toFixed(1)} MB from ${url}`);
  });
  await pipeline(answer.body, createWriteStream(part)).finally(progress.done);
}

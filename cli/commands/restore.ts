/** `epoxy restore FILE --redis URL`: a backup into an empty Redis, from which a new cluster begins. */
import { readBackup } from "../../server/backup/read.ts";
import { restore as restoreInto } from "../../server/backup/restore.ts";
import { exit, UsageError } from "../exit.ts";
import { json, line } from "../output.ts";
import { createWaitLine } from "../wait-line.ts";

export async function restore(file: string, options: { readonly redis?: string; readonly json?: boolean }): Promise<void> {
  const redis = options.redis ?? (process.env as { REDIS_URL?: string }).REDIS_URL;
  if (redis === undefined) throw new UsageError("which Redis? give --redis URL (or REDIS_URL) of an empty one");
  const backup = await readBackup(file);
  const { head, states } = backup;
  const progress = createWaitLine(process.stderr);
  let told = 0;
  await restoreInto(backup, redis, (written) => {
    if (options.json === true || !process.stderr.isTTY || (written - told < 1_000 && written < states.size)) return;
    told = written;
    progress.say(`${written} of ${states.size} keys`);
  }).finally(progress.done);
  process.exitCode = exit.done;
  if (options.json === true) return json({ file, ...head, keys: states.size });
  line(`${states.size} keys, as replica ${head.replica} of cluster ${head.cluster} had them at ${head.takenAt}; the digest fits.`);
  line("Writes that this replica had not executed by then are not in it, nor are the idempotency keys of earlier requests.");
  line("Now begin a new cluster on this Redis: epoxy server --bootstrap --redis URL …, then add the other datacenters, empty, as ever.");
}

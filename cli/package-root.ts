import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json: two folders deep from the sources, three from dist/. */
export const packageRoot = find(dirname(fileURLToPath(import.meta.url)));
/** What a child process is started with, whichever of the two runs it. */
export const launcher = join(packageRoot, "cli", "epoxy.mjs");

function find(folder: string): string {
  if (existsSync(join(folder, "package.json")) || dirname(folder) === folder) return folder;
  return find(dirname(folder));
}

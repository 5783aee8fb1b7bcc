// `npm run bench [-- --json]`: sets everything up, then runs bench/throughput.ts.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { distIsCurrent } from "./build.mjs";
import { SetupError, setup } from "./setup.mjs";

const log = console.log;
try {
  // Standard output belongs to the results.
  console.log = (...words) => console.error(...words);
  await setup();
  console.log = log;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exit(1);
}

const built = distIsCurrent();
const program = fileURLToPath(new URL(built ? "../dist/bench/throughput.js" : "../bench/throughput.ts", import.meta.url));
const child = spawn(process.execPath, [...(built ? [] : ["--import", "tsx"]), program, ...process.argv.slice(2)], { stdio: "inherit" });
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));

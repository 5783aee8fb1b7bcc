// `npm run bench [-- --json]`: sets everything up, then runs bench/throughput.ts; `npm run bench -- overload`: bench/overload.ts.
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
const [first, ...rest] = process.argv.slice(2);
const [name, args] = first === "overload" ? [first, rest] : ["throughput", process.argv.slice(2)];
const program = fileURLToPath(new URL(built ? `../dist/bench/${name}.js` : `../bench/${name}.ts`, import.meta.url));
const child = spawn(process.execPath, [...(built ? [] : ["--import", "tsx"]), program, ...args], { stdio: "inherit" });
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));

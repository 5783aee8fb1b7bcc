// `npm run fuzz [-- --count N --requests N --seed N --rate N --report FILE]`: sets everything up,
// then runs test/fuzz/main.ts.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SetupError, setup } from "./setup.mjs";

try {
  await setup();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`fuzz: ${error.message}`);
  process.exit(1);
}

const program = fileURLToPath(new URL("../test/fuzz/main.ts", import.meta.url));
const child = spawn(process.execPath, ["--import", "tsx", program, ...process.argv.slice(2)], { stdio: "inherit" });
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));

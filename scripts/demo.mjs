// `npm run demo [-- --exit]`: sets everything up, then runs the tour of cli/commands/demo.ts.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SetupError, setup } from "./setup.mjs";

try {
  await setup();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exit(1);
}

const launcher = fileURLToPath(new URL("../cli/epoxy.mjs", import.meta.url));
const child = spawn(process.execPath, [launcher, "demo", ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal's Ctrl-C reaches the child by itself; this one only must not end before it.
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SetupError, setup } from "./setup.mjs";

/**
 * Sets everything up, then runs a program with this process's arguments behind its own, and ends as it does.
 *
 * @param {string} name what an error of the set-up is told under
 * @param {{ node?: readonly string[], program: string, words?: readonly string[] }} what the program's path is from the root
 */
export async function runAfterSetup(name, { node = [], program, words = [] }) {
  try {
    await setup();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exit(1);
  }
  const path = fileURLToPath(new URL(`../${program}`, import.meta.url));
  const child = spawn(process.execPath, [...node, path, ...words, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal's Ctrl-C reaches the child by itself; this one only must not end before it.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}

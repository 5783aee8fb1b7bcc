// Loaded by `node --import` before each process of a campaign: a server so started ends itself, as by kill -9, at the step that is
// named in the file $EPOXY_TEST_FAILPOINTS/NAME. The shipped code has no such steps: they are put into its text as it is loaded.
import { readFileSync, rmSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";

const at = process.argv.indexOf("--name");
if (at >= 0 && process.argv.includes("server")) {
  const file = join(process.env.EPOXY_TEST_FAILPOINTS, process.argv[at + 1]);
  let armed = null;
  globalThis.epoxyFailpoint = (step) => {
    if (step !== armed) return;
    rmSync(file, { force: true });
    process.kill(process.pid, "SIGKILL");
  };
  const look = () => {
    try {
      armed = readFileSync(file, "utf8");
    } catch {
      armed = null;
    }
  };
  look();
  setInterval(look, 20).unref();
  register("./loader.mjs", import.meta.url);
}

// Loaded by `node --import` before each process of a campaign: a server so started ends itself, as by kill -9, at the step that is
// named in the file $EPOXY_TEST_FAILPOINTS/NAME.server, a worker at that of NAME.worker; or it ends another process, whose id stands
// on the second line. The shipped code has no such steps: they are put into its text as it is loaded.
import { readFileSync, rmSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";

const at = process.argv.indexOf("--name");
const part = ["server", "worker"].find((each) => process.argv.includes(each));
if (at >= 0 && part !== undefined) {
  const file = join(process.env.EPOXY_TEST_FAILPOINTS, `${process.argv[at + 1]}.${part}`);
  let armed = null;
  globalThis.epoxyFailpoint = (step) => {
    if (step !== armed?.step) return;
    rmSync(file, { force: true });
    process.kill(armed.pid, "SIGKILL");
    armed = null;
  };
  const look = () => {
    try {
      const [step, pid = process.pid] = readFileSync(file, "utf8").split("\n");
      armed = { step, pid: Number(pid) };
    } catch {
      armed = null;
    }
  };
  look();
  setInterval(look, 20).unref();
  register("./loader.mjs", import.meta.url);
}

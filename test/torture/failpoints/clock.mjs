// Loaded by `node --import` before each process of a campaign: the wall clock of a datacenter's processes is what the file
// $EPOXY_TEST_FAILPOINTS/NAME.clock says, {"offsetMs", "rate"}. Timers and the monotonic clock go on as they are.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const at = process.argv.indexOf("--name");
if (at >= 0) {
  const file = join(process.env.EPOXY_TEST_FAILPOINTS, `${process.argv[at + 1]}.clock`);
  const RealDate = Date;
  const realNow = Date.now;
  let text = "";
  let set = { offsetMs: 0, rate: 1, atMs: realNow() };
  const look = () => {
    let found = "";
    try {
      found = readFileSync(file, "utf8");
    } catch {
      // Nobody has changed it.
    }
    if (found === text) return;
    text = found;
    set = { offsetMs: 0, rate: 1, ...(found === "" ? {} : JSON.parse(found)), atMs: realNow() };
  };
  const now = () => {
    const ms = realNow();
    return Math.round(ms + set.offsetMs + (ms - set.atMs) * (set.rate - 1));
  };
  RealDate.now = now;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made),
  });
  look();
  setInterval(look, 20).unref();
}

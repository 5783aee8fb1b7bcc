// `npm run fuzz [-- --count N --requests N --seed N --rate N --report FILE]`: sets everything up,
// then runs test/fuzz/main.ts.
import { runAfterSetup } from "./run-after-setup.mjs";

await runAfterSetup("fuzz", { node: ["--import", "tsx"], program: "test/fuzz/main.ts" });

// `npm run torture [-- --suite NAME --case NAME --seed TEXT --seconds N --datacenters N --runs N --out DIR]`: sets everything up,
// then runs test/torture/main.ts.
import { runAfterSetup } from "./run-after-setup.mjs";

await runAfterSetup("torture", { node: ["--import", "tsx"], program: "test/torture/main.ts" });

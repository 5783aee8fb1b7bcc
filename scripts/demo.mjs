// `npm run demo [-- --exit]`: sets everything up, then runs the tour of cli/commands/demo.ts.
import { runAfterSetup } from "./run-after-setup.mjs";

await runAfterSetup("demo", { program: "cli/epoxy.mjs", words: ["demo"] });

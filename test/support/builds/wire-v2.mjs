// A newer build for tests, loaded by `node --import` before a server: its wire version 2 has other bytes than version 1, which it
// speaks as well. Only datacenters named in the file $EPOXY_TEST_BUILDS are of this build; it is read at each start of a process.
import { readFileSync } from "node:fs";
import { register } from "node:module";

const at = process.argv.indexOf("--name");
const name = at < 0 ? null : process.argv[at + 1];
const newer = readFileSync(process.env.EPOXY_TEST_BUILDS, "utf8").split("\n");
if (name !== null && newer.includes(name)) register("./wire-v2-loader.mjs", import.meta.url);

#!/usr/bin/env node
// Runs the build where it is current, else the sources: a checkout works before its first build, only slower to start.
import { distIsCurrent } from "../scripts/build.mjs";

if (distIsCurrent()) {
  await import("../dist/cli/main.js");
} else {
  try {
    const { register } = await import("tsx/esm/api");
    register();
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    console.error("epoxy: the packages are not installed here: run npm run setup first");
    process.exit(1);
  }
  await import("./main.ts");
}

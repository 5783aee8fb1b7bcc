/** The console in real Chromium, over a real cluster. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "puppeteer-core";
import { noBrowser, openPage, startBrowser } from "../support/browser.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

describe("the console in a browser", { skip: noBrowser }, () => {
  let cluster: TestCluster;
  let browser: Browser;
  before(async () => {
    [cluster, browser] = await Promise.all([startCluster({ noRestart: true }), startBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await cluster?.end();
  });

  test("loads, shows every datacenter, and has nothing to complain about", async () => {
    const shown = await openPage(browser, `${cluster.api(1).url}/`);
    await shown.until("three rows", "document.querySelectorAll('#members tr').length === 3");
    await shown.screenshot("console");
    assert.deepEqual(shown.complaints(), []);
  });
});

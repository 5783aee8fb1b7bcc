/** Real Chromium for the tests of pages: what a page logs, asks other hosts for or throws fails the test that opened it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, launch, type Page } from "puppeteer-core";
import { findChromium } from "../../scripts/tools.mjs";

const screenshots = fileURLToPath(new URL("../screenshots/", import.meta.url));
const pageMs = 15_000;

/** For `skip`: false where there is a browser, else why the test cannot run. */
export const noBrowser: string | false = findChromium() === null ? "Chromium is missing: npm test installs it where it can" : false;

export type TestPage = {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and requests that left `origin`. */
  complaints(): readonly string[];
  /** Waits until `condition`, evaluated in the page, is true. @throws Error that says `what` was awaited */
  until(what: string, condition: string, timeoutMs?: number): Promise<void>;
  /** Kept under test/screenshots/ as NAME.png, the page's whole height. */
  screenshot(name: string): Promise<void>;
};

export async function startBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  assert.ok(executablePath !== null, "Chromium is missing");
  // As root, and in containers, there is no sandbox to be had; the pages are our own.
  return launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"] });
}

/** Opens `url` and waits for it to load. */
export async function openPage(
  browser: Browser,
  url: string,
  given: { readonly width?: number; readonly height?: number; readonly dark?: boolean } = {},
): Promise<TestPage> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${String(error)}`));
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(origin) && !asked.startsWith("data:")) complaints.push(`request to another host: ${asked}`);
  });
  await page.setViewport({ width: given.width ?? 1280, height: given.height ?? 800 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: given.dark === true ? "dark" : "light" }]);
  await page.goto(url, { timeout: pageMs });
  return {
    page,
    complaints: () => complaints,
    async until(what, condition, timeoutMs = pageMs) {
      try {
        await page.waitForFunction(condition, { timeout: timeoutMs, polling: 100 });
      } catch (error) {
        const text = await page.evaluate("document.body.innerText").catch(() => "(no page)");
        throw new Error(`not seen in ${timeoutMs} ms: ${what}\n${complaints.join("\n")}\n${String(text)}`, { cause: error });
      }
    },
    async screenshot(name) {
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
    },
  };
}

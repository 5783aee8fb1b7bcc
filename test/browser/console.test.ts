/** The console in real Chromium, over a real cluster: in the order in which an operator might see it all. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "puppeteer-core";
import { bodyOf, eventually } from "../support/api.ts";
import { noBrowser, openPage, startBrowser, type TestPage } from "../support/browser.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";

const health = (id: number) => `document.querySelector('#datacenters tr[data-id="${id}"]')?.dataset.health`;
const text = (selector: string) => `(document.querySelector(${JSON.stringify(selector)})?.innerText ?? "")`;

describe("the console in a browser", { skip: noBrowser }, () => {
  let cluster: TestCluster;
  let browser: Browser;
  let fourth: TestDatacenter | null = null;
  let writing: Promise<void> | null = null;
  let isOver = false;
  before(async () => {
    [cluster, browser] = await Promise.all([startCluster({ noRestart: true }), startBrowser()]);
  });
  after(async () => {
    isOver = true;
    await writing;
    await browser?.close();
    await fourth?.end();
    await cluster?.end();
  });
  const open = (given: Parameters<typeof openPage>[2] = {}): Promise<TestPage> => openPage(browser, `${cluster.api(1).url}/`, given);
  const isHealthy = (ids: readonly number[]) => ids.map((id) => `${health(id)} === "good"`).join(" && ");

  /** Somebody who writes now and then in every datacenter that lives, one key contested. */
  function keepWriting(): void {
    writing ??= (async () => {
      for (let count = 0; !isOver; count++) {
        await Promise.allSettled(
          [1, 2].flatMap((id) => [cluster.api(id).put(`own-${id}`, `${count}`), cluster.api(id).put("shared", `${count} of ${id}`)]),
        );
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
  }

  test("loads: every datacenter with its status, the round trips between them, nothing to complain about", async () => {
    const { headers } = await cluster.api(1).ask("GET", "/");
    assert.match(
      String(headers["content-security-policy"]),
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/,
    );
    assert.doesNotMatch(String(headers["content-security-policy"]), /unsafe|https?:|\*/);
    const shown = await open();
    await shown.until("three datacenters in good health", isHealthy([1, 2, 3]));
    await shown.until("all round trips", `(${text("#matrix")}.match(/ms/g) ?? []).length === 6`);
    await shown.until(
      "the coordinator's workflow",
      `document.querySelector('#change a')?.href.startsWith(${JSON.stringify(cluster.view.temporal.ui)})`,
    );
    assert.match(String(await shown.page.evaluate(text("#summary"))), /epoch \d+: 3 of 3 voters serve/);
    assert.equal(await shown.page.evaluate(text("#stuck-none")), "none");
    assert.deepEqual(shown.complaints(), []);
    await shown.page.close();
  });

  test("a key's value and versions follow its changes live, and its instances are drawn with what they depend on", async () => {
    await cluster.api(1).put("shared", "first");
    const shown = await open();
    await shown.until("three datacenters", isHealthy([1, 2, 3]));
    await shown.page.type("#key", "shared");
    await shown.page.keyboard.press("Enter");
    await shown.until("the value", `${text("#key-now")}.includes("first")`);
    keepWriting();
    await shown.until("a later value, without a reload", `/\\d+ of [12]/.test(${text("#key-now")})`);
    await shown.until("versions", "document.querySelectorAll('#versions tbody tr').length >= 5");
    await shown.until(
      "instances of both datacenters",
      "document.querySelectorAll('#graph .node').length >= 4 && document.querySelectorAll('#graph .lane').length === 2",
    );
    await shown.until("what they depend on", "document.querySelectorAll('#graph .edge').length >= 3");
    await shown.until("proposals a second", `/[1-9][\\d.]* \\/s/.test(${text("#datacenters")})`);
    await shown.until("a share of the fast path", `/\\d %/.test(${text("#datacenters")})`);
    await shown.until(
      "lines of both plots",
      "['#throughput .line', '#latency .line'].every((line) => document.querySelector(line).getAttribute('d').split('L').length > 4)",
      20_000,
    );
    await shown.screenshot("console");
    assert.deepEqual(shown.complaints(), []);
    await shown.page.close();
  });

  test("in a phone's width nothing is cut off, and in the dark it is dark", async () => {
    keepWriting();
    const shown = await open({ width: 375, height: 740, dark: true });
    await shown.until("three datacenters", isHealthy([1, 2, 3]));
    await shown.page.type("#key", "shared");
    await shown.page.keyboard.press("Enter");
    await shown.until("the key", "document.querySelectorAll('#graph .node').length > 0");
    assert.equal(await shown.page.evaluate("document.documentElement.scrollWidth <= 375"), true, "the page is wider than the phone");
    const [ground, ink] = (await shown.page.evaluate(
      "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color].map((c) => c.match(/\\d+/g).slice(0, 3).reduce((s, n) => s + Number(n), 0))",
    )) as [number, number];
    assert.ok(ground < 150 && ink > 600, `ground ${ground}, ink ${ink}`);
    await shown.screenshot("console-phone-dark");
    assert.deepEqual(shown.complaints(), []);
    await shown.page.close();
  });

  test("by the keyboard alone: a key is looked up, an instance of it opened", async () => {
    keepWriting();
    const { page, until, complaints } = await open();
    await until("three datacenters", isHealthy([1, 2, 3]));
    const tabTo = async (what: string, condition: string) => {
      for (let tabs = 0; tabs < 40; tabs++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(`(() => { const e = document.activeElement; return ${condition}; })()`)) return;
      }
      assert.fail(`Tab does not lead to ${what}`);
    };
    await tabTo("the key", "e.id === 'key'");
    assert.notEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none", "the focus is seen");
    await page.keyboard.type("own-1");
    await page.keyboard.press("Enter");
    await until("the key's instances", "document.querySelectorAll('#graph .node').length > 0");
    // The picture is drawn anew while the key changes: stop at a moment's node.
    await page.evaluate("document.querySelector('#graph .node').focus()");
    await page.keyboard.press("Enter");
    await until("the instance", `/"deps"|no such instance/.test(${text("#instance-answer")})`);
    assert.deepEqual(complaints(), []);
    await page.close();
  });

  test("what cannot be decided is shown as stuck, and the button recovers it", async () => {
    isOver = true;
    await writing;
    const shown = await open();
    await shown.until("three datacenters", isHealthy([1, 2, 3]));
    for (const id of [2, 3]) cluster.pause(id);
    const put = await cluster.api(1).put("left-behind", "v", { headers: { "epoxy-timeout-ms": "1000" } });
    assert.equal(put.status, 504, put.text);
    await shown.until("a stuck instance", "document.querySelector('[data-recover]') !== null", 20_000);
    await shown.screenshot("console-stuck");
    await shown.page.click("[data-recover]");
    await shown.until("why it cannot be recovered yet", `/datacenters|quorum/.test(${text("#recovered")})`, 20_000);
    assert.equal(await shown.page.evaluate("document.querySelector('#recovered').className"), "bad");
    // What was refused is told by the browser too; there is nothing else.
    for (const complaint of shown.complaints()) assert.match(complaint, /the server responded with a status of 50[34]/);
    const instance = String(await shown.page.evaluate("document.querySelector('[data-recover]').dataset.recover"));
    for (const id of [2, 3]) cluster.resume(id);
    await eventually("all serve again", 20_000, async () =>
      (await Promise.all([1, 2, 3].map((id) => cluster.api(id).isReady()))).every(Boolean),
    );
    await shown.page.evaluate("document.querySelector('#instance').value = ''");
    await shown.page.type("#instance", instance);
    await shown.page.click("#instance-form button[name=recover]");
    await shown.until("it is decided", `/"status": "(committed|executed)"/.test(${text("#instance-answer")})`);
    await shown.until("nothing is stuck any more", `${text("#stuck-none")} === "none"`);
    await shown.page.close();
  });

  test("a datacenter is added and is seen becoming a voter, phase by phase", async () => {
    const shown = await open();
    await shown.until("three datacenters", isHealthy([1, 2, 3]));
    await shown.page.evaluate(`window.phases = new Set(); new MutationObserver(() => {
      const now = document.querySelector('#phases [aria-current]')?.textContent;
      if (now && !document.querySelector('#phases').hidden) window.phases.add(now);
    }).observe(document.querySelector('#phases'), { childList: true, subtree: true })`);
    fourth = await startDatacenter(cluster, "dc-4");
    const { peerUrl, apiUrl } = fourth;
    bodyOf(
      await cluster.api(2).ask("POST", "/v1/cluster/replicas", {
        body: JSON.stringify({ name: "dc-4", peerUrl, apiUrl }),
        headers: { "content-type": "application/json" },
      }),
      202,
    );
    await shown.until("the newcomer, not a voter yet", `${health(4)} === "wait"`, 20_000);
    await shown.until("what it does", "!document.querySelector('#progress').hidden && !document.querySelector('#phases').hidden");
    await shown.screenshot("console-learning");
    await shown.until("the newcomer votes", `${health(4)} === "good"`, 30_000);
    await shown.until("four voters", `${text("#summary")}.includes("4 of 4 voters serve")`);
    await shown.until("its round trips", `(${text("#matrix")}.match(/ms/g) ?? []).length === 12`);
    await shown.until("all is as wanted", `${text("#change")}.includes("none under way")`, 20_000);
    const phases = (await shown.page.evaluate("[...window.phases]")) as string[];
    assert.ok(phases.includes("learning") || phases.includes("checking"), `phases seen: ${phases.join(", ")}`);
    assert.deepEqual(shown.complaints(), []);
    await shown.page.close();
  });

  test("a datacenter that dies turns red, and the others go on", async () => {
    const shown = await open();
    await shown.until("four datacenters", isHealthy([1, 2, 3, 4]));
    cluster.signal("SIGKILL", 3);
    await shown.until("it is red", `${health(3)} === "bad"`, 20_000);
    const colour = await shown.page.evaluate(
      `getComputedStyle(document.querySelector('#datacenters tr[data-id="3"] .bad')).color.match(/\\d+/g).map(Number)`,
    );
    const [red = 0, green = 0, blue = 0] = colour as number[];
    assert.ok(red > 2 * green && red > 2 * blue, `${red} ${green} ${blue}`);
    await shown.until("its row of the matrix", `${text("#matrix")}.includes("not heard")`);
    await shown.until("nobody says how far behind it is", `${text("#datacenters tr[data-id='3']")}.includes("not known")`);
    await shown.until("the summary", `${text("#summary")}.includes("3 of 4 voters serve")`);
    await shown.screenshot("console-dead");
    assert.deepEqual(shown.complaints(), []);
    await shown.page.close();
  });
});

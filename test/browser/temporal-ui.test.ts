/** A whole reconfiguration by an operator who has nothing but Temporal's own UI: docs/temporal-ui.md tells of it with these pictures. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "puppeteer-core";
import { bodyOf, eventually } from "../support/api.ts";
import { noBrowser, openPage, startBrowser, type TestPage } from "../support/browser.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";

const changeMs = 60_000;
/** The UI draws its timeline anew all the time: what is clicked has to stand still for a moment. */
const settleMs = 500;

type Handle = NonNullable<Awaited<ReturnType<Page["$"]>>>;
type Replica = { readonly id: number; readonly name: string; readonly status: string };

describe("Temporal's UI", { skip: noBrowser }, () => {
  let cluster: TestCluster;
  let browser: Browser;
  let osaka: TestDatacenter;
  let ui: TestPage;
  before(async () => {
    [cluster, browser] = await Promise.all([startCluster({ noRestart: true }), startBrowser()]);
    osaka = await startDatacenter(cluster, "osaka");
  });
  after(async () => {
    await browser?.close();
    await osaka?.end();
    await cluster?.end();
  });

  const settle = () => new Promise((resolve) => setTimeout(resolve, settleMs));
  /** The first that is seen, whose text begins so. The page holds each dialog several times, most of them hidden. */
  async function seen(selector: string, text = ""): Promise<Handle> {
    const isSeen = `(each) => each.getClientRects().length > 0 && getComputedStyle(each).visibility !== "hidden"`;
    const found = `[...document.querySelectorAll(${JSON.stringify(selector)})].filter(${isSeen}).find((each) => each.innerText.trim().startsWith(${JSON.stringify(text)}))`;
    await ui.until(`${selector} ${text}`, `${found} !== undefined`);
    return (await ui.page.evaluateHandle(found)) as Handle;
  }
  async function click(selector: string, text?: string): Promise<void> {
    await (await seen(selector, text)).click();
    await settle();
  }
  /** More Actions, Send an Update: chooses its name, writes the JSON, and sends it. */
  async function sendUpdate(name: string, argument: object, picture: string | null = null): Promise<void> {
    await click("button", "More Actions");
    await click("[role=menuitem]", "Send an Update");
    await click("input#update-select");
    await click("[role=option]", name);
    await click("[id^=modal-content-] [role=textbox]");
    await ui.page.keyboard.sendCharacter(JSON.stringify(argument, null, 2));
    await settle();
    if (picture !== null) await ui.screenshot(picture);
    await click("[data-testid=confirm-modal-button]", "Submit");
  }
  const tab = (name: string) => click(`[data-testid=${name}-tab]`);
  /** The rendered details stand in a frame of their own. They are asked for when the tab is opened. */
  async function details(contain: RegExp): Promise<void> {
    await eventually(`the details say ${contain}`, changeMs, async () => {
      await tab("history");
      await tab("user-metadata");
      await settle();
      const texts = await Promise.all(ui.page.frames().map((frame) => frame.evaluate("document.body?.innerText ?? ''").catch(() => "")));
      return texts.some((text) => contain.test(String(text)));
    });
  }
  const replicas = async (): Promise<readonly Replica[]> =>
    (bodyOf(await cluster.api(1).ask("GET", "/v1/cluster"), 200) as { replicas: readonly Replica[] }).replicas;

  test("shows the cluster's workflows, the coordinator among them", async () => {
    ui = await openPage(browser, `${cluster.view.temporal.ui}/namespaces/default/workflows`, { height: 900 });
    await ui.until("the coordinator", `document.body.innerText.includes("epoxy/default/coordinator")`);
    await settle();
    await ui.screenshot("temporal-workflows");
    await click("a", "epoxy/default/coordinator");
    await seen("button", "More Actions");
    await details(/settled.*the cluster is as desired/s);
  });

  test("adds a datacenter, and tells of each step and how long writes were held for it", async () => {
    await tab("history");
    await sendUpdate("addReplica", { name: osaka.name, peerUrl: osaka.peerUrl, apiUrl: osaka.apiUrl }, "temporal-add");
    await eventually("osaka votes", changeMs, async () =>
      (await replicas()).some(({ name, status }) => name === "osaka" && status === "active"),
    );
    await details(/voters 1, 2, 3, 4 \(freezing \d+ ms/);
    await ui.screenshot("temporal-added");
    await tab("history");
    await seen("button", "Minimized");
    await ui.screenshot("temporal-steps");
  });

  test("refuses at once what cannot be, in words", async () => {
    await sendUpdate("addReplica", { name: osaka.name, peerUrl: "http://127.0.0.1:9", apiUrl: osaka.apiUrl });
    await ui.until("the refusal", `document.body.innerText.includes("two replicas would have the name osaka")`);
    await ui.screenshot("temporal-refused");
    await click("button", "Cancel");
  });

  test("says why a datacenter that nobody reaches does not come, and gives it up when asked to", async () => {
    await ui.page.reload();
    await seen("button", "More Actions");
    await sendUpdate("addReplica", { name: "lima", peerUrl: "http://127.0.0.1:9", apiUrl: "http://127.0.0.1:9" });
    await details(/lima[\s\S]*is not heard from/);
    await ui.screenshot("temporal-unreachable");
    const { reconfiguration } = bodyOf(await cluster.api(1).ask("GET", "/v1/cluster"), 200) as { reconfiguration: { generation: number } };
    await tab("history");
    await sendUpdate("cancelReconfiguration", { generation: reconfiguration.generation });
    await details(/settled[\s\S]*the cluster is as desired/);
    assert.deepEqual((await replicas()).map(({ name }) => name).includes("lima"), false);
  });

  test("removes a datacenter", async () => {
    const id = (await replicas()).find(({ name }) => name === "osaka")?.id;
    await tab("history");
    await sendUpdate("removeReplica", { id });
    await eventually("osaka is gone", changeMs, async () => !(await replicas()).some(({ name }) => name === "osaka"));
    await details(/replica 4 is gone/);
    await ui.screenshot("temporal-removed");
  });
});

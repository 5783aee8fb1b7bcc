/** What the console is served with; what it looks like is for the eye. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fakeApp } from "./fake-replica.ts";

describe("the console", () => {
  const files = [
    { url: "/", type: "text/html; charset=utf-8", has: /<title>Epoxy<\/title>/ },
    { url: "/console/console.css", type: "text/css; charset=utf-8", has: /color-scheme: light dark/ },
    { url: "/console/console.js", type: "text/javascript; charset=utf-8", has: /showMembers/ },
  ];
  for (const { url, type, has } of files) {
    test(`${url}: from this server alone, and nothing inline`, async (t) => {
      const { app } = fakeApp();
      t.after(() => app.close());
      const answer = await app.inject({ url });
      assert.equal(answer.statusCode, 200);
      assert.equal(answer.headers["content-type"], type);
      assert.match(answer.body, has);
      assert.match(String(answer.headers["content-security-policy"]), /^default-src 'none'; script-src 'self'/);
      // The names of XML namespaces are no addresses.
      assert.doesNotMatch(
        answer.body.replaceAll("http://www.w3.org/2000/svg", ""),
        /(src|href)="(https?:)?\/\/|url\(|innerHTML| style=| on[a-z]+="/,
      );
    });
  }

  test("every element that the script fills is on the page", async (t) => {
    const { app } = fakeApp();
    t.after(() => app.close());
    const [page, script] = await Promise.all(["/", "/console/console.js"].map(async (url) => (await app.inject({ url })).body));
    const wanted = new Set([...(script ?? "").matchAll(/\bat\("([a-z-]+)"\)/g)].map(([, id]) => id));
    assert.ok(wanted.size > 8);
    for (const id of wanted) assert.ok(page?.includes(`id="${id}"`), `${id} is not on the page`);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CacheEntry, createCache } from "../../proposals/store/cache.ts";
import { afterPrefix, openMember, openMemberId } from "../../proposals/store/keys.ts";
import { parseOutcome } from "../../proposals/store/pack.ts";

const entry = (confirmed: boolean, bytes = 1): CacheEntry => ({ tag: null, record: null, bytes, writer: null, confirmed, hash: null });

test("the cache keeps to its bound, keeps what is used, and never drops what is not confirmed", () => {
  const cache = createCache({ entriesMax: 10, bytesMax: 1000 });
  const waiting = entry(false);
  cache.set("waiting", waiting);
  cache.set("used", entry(true));
  for (let i = 0; i < 100; i++) {
    cache.set(`${i}`, entry(true));
    assert.notEqual(cache.get("used"), undefined);
    assert.ok(cache.count() <= 12, `${cache.count()}`);
  }
  assert.equal(cache.get("waiting"), waiting);
  assert.equal(cache.get("0"), undefined);
  waiting.confirmed = true;
  for (let i = 0; i < 20; i++) cache.set(`${i}`, entry(true));
  assert.equal(cache.get("waiting"), undefined);
});

test("the cache keeps to its bytes", () => {
  const cache = createCache({ entriesMax: 1000, bytesMax: 1000 });
  for (let i = 0; i < 100; i++) cache.set(`${i}`, entry(true, 100));
  assert.ok(cache.count() <= 11, `${cache.count()}`);
  cache.set("large", entry(true, 5000));
  assert.notEqual(cache.get("large"), undefined);
  cache.set("unsure", entry(false));
  cache.dropConfirmed();
  assert.equal(cache.count(), 1);
});

test("members of the open set sort as ids do", () => {
  const ids = [1, 255, 256, 2 ** 31, 2 ** 32, 2 ** 40 + 1, 8191 * 2 ** 40 + 2 ** 40 - 1];
  assert.deepEqual(ids.map(openMember).map(openMemberId), ids);
  assert.deepEqual(ids.map(openMember).toSorted(), ids.map(openMember));
});

test("the end of a prefix", () => {
  assert.deepEqual(["a", "a\xff", "\xff", ""].map(afterPrefix), ["b", "b", null, null]);
});

test("the script's answer", () => {
  assert.deepEqual(parseOutcome("7|;0,2;"), { counter: 7, failed: [[], [0, 2], []] });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { covers, frontierOf } from "../../protocol/frontier.ts";
import { ownerOf, slotOf } from "../../protocol/ids.ts";
import { boundary, idsOf, inSettled, mergeSettled } from "../../protocol/settled.ts";
import { allIds, anyFrontier, anySettled } from "./arbitrary.ts";

describe("settled sets", () => {
  test("the merge has exactly the members of all", () => {
    fc.assert(
      fc.property(fc.array(anySettled, { maxLength: 4 }), (list) => {
        const merged = mergeSettled(list);
        for (const one of allIds)
          assert.equal(
            inSettled(merged, one),
            list.some((part) => inSettled(part, one)),
          );
        assert.deepEqual(mergeSettled([merged]), merged);
        assert.deepEqual(mergeSettled([...list].reverse()), merged);
      }),
    );
  });

  test("idsOf gives the members above a frontier, once each, ascending", () => {
    fc.assert(
      fc.property(anySettled, anyFrontier, (set, from) => {
        assert.deepEqual(
          [...idsOf(set, from)],
          allIds.filter((one) => inSettled(set, one) && !covers(from, one)),
        );
      }),
    );
  });

  test("the boundary is the least frontier over all members", () => {
    fc.assert(
      fc.property(anySettled, (set) => {
        const top = (column: number) => Math.max(0, ...allIds.filter((one) => inSettled(set, one) && ownerOf(one) === column).map(slotOf));
        assert.deepEqual(boundary(set), frontierOf([1, 2, 3].map((column) => [column, top(column)] as const)));
      }),
    );
  });
});

/** Whether members hold the same at the end of an epoch. RECONFIGURE steps 3b and 10a. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  copyDiffers,
  cutPosition,
  type EndJudgement,
  endOf,
  endPosition,
  judgeEnd,
  parseCutPosition,
  parseEndPosition,
  standsAtEnd,
  withEnd,
} from "../../protocol/epoch-end.ts";
import { limits } from "../../protocol/limits.ts";
import type { EndsRecord, Epoch, ReplicaId } from "../../protocol/types.ts";

const id = (number: number) => number as ReplicaId;
const epoch = (number: number) => number as Epoch;
const [a, b] = ["a".repeat(32), "b".repeat(32)];

describe("10a: what a newcomer that holds `a` makes of what the old voters told", () => {
  const same: EndJudgement = { kind: "same" };
  const open: EndJudgement = { kind: "open" };
  const differs = (...from: number[]): EndJudgement => ({ kind: "differs", from: from.map(id) });
  const cases: { voters: number; told: readonly (string | null)[]; last?: boolean; expect: EndJudgement; name: string }[] = [
    { name: "nobody yet", voters: 3, told: [], expect: open },
    { name: "one of three alike is too few to be sure", voters: 3, told: [a], expect: open },
    { name: "a slow quorum alike", voters: 3, told: [a, a], expect: same },
    { name: "a slow quorum alike, and one that is not", voters: 3, told: [b, a, a], expect: same },
    { name: "a slow quorum has something else", voters: 3, told: [b, b], expect: differs(1, 2) },
    { name: "one alike does not outweigh a slow quorum", voters: 3, told: [a, b, b], expect: differs(2, 3) },
    { name: "they differ among themselves, and one may still tell", voters: 3, told: [a, b], expect: open },
    { name: "they differ among themselves, and nobody is left to tell", voters: 2, told: [a, b], expect: same },
    { name: "one alike, and the others will not tell any more", voters: 3, told: [a], last: true, expect: same },
    { name: "one that has something else, and the others will not tell any more", voters: 3, told: [b], last: true, expect: differs(1) },
    { name: "nobody can tell: all are of an older build", voters: 3, told: [null, null, null], expect: { kind: "unknown" } },
    { name: "nobody is heard of any more", voters: 3, told: [], last: true, expect: { kind: "unknown" } },
    { name: "an old voter alone", voters: 1, told: [b], expect: differs(1) },
  ];
  for (const { name, voters, told, last = false, expect } of cases) {
    test(name, () => {
      const ids = Array.from({ length: voters }, (_, i) => id(i + 1));
      const answers = new Map(told.map((digest, i) => [id(i + 1), digest]));
      assert.deepEqual(judgeEnd({ voters: ids, own: a, told: answers, isLast: last }), expect);
    });
  }

  test("what others than the voters say does not count", () => {
    const told = new Map([[id(4), a]]);
    assert.equal(judgeEnd({ voters: [id(1)], own: a, told, isLast: true }).kind, "unknown");
  });
});

test("3b: what a copy lacks of its source; rows that the source dropped meanwhile are not missed there", () => {
  assert.equal(copyDiffers({ digest: a, records: 7 }, { digest: a, records: 7 }), null);
  assert.equal(copyDiffers({ digest: a, records: 8 }, { digest: a, records: 7 }), null);
  assert.equal(copyDiffers({ digest: a, records: 5 }, { digest: a, records: 7 }), "2 of 7 records");
  assert.equal(copyDiffers({ digest: a, records: 5 }, { digest: a, records: null }), null);
  assert.equal(copyDiffers({ digest: a, records: null }, { digest: a, records: 7 }), null);
  assert.equal(copyDiffers({ digest: a, records: 7 }, { digest: b, records: 7 }), "its keys, values or versions");
});

test("positions that carry more than a position are told from those that do not", () => {
  for (const records of [34, null]) {
    const standing = { position: "0-12", digest: a, records };
    assert.deepEqual(parseCutPosition(cutPosition(standing)), standing);
  }
  for (const text of ["0-12", "", "0-12 x 34", `0-12 ${a} -1`, `0-12 ${a}`]) assert.equal(parseCutPosition(text), null, text);
  assert.equal(parseEndPosition(endPosition(epoch(3))), 3);
  for (const text of ["0-3", "", "end of epoch 0", "end of epoch 1x", "end of epoch"]) assert.equal(parseEndPosition(text), null, text);
});

test("ends are kept for who asks late, and none of an epoch before the copy", () => {
  assert.equal(endOf(withEnd(null, epoch(1), a), epoch(1)), a);
  const copied: EndsRecord = { copiedIn: epoch(5), differed: null, ends: [] };
  assert.equal(withEnd(copied, epoch(4), a), copied);
  assert.deepEqual(
    [0, 4, 5, 6].map((each) => standsAtEnd(copied, each)),
    [false, false, true, true],
  );
  assert.deepEqual(
    [0, 1].map((each) => standsAtEnd(null, each)),
    [false, true],
  );
  let many: EndsRecord | null = null;
  for (let at = 1; at <= 100; at++) many = withEnd(many, epoch(at), a);
  assert.equal(many?.ends.length, limits.epochEndsKept);
  assert.equal(endOf(many, epoch(100)), a);
});

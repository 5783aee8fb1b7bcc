/** Who waits for company, and how long: PROPOSAL 66. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { arrive, busyMs, emptyCrowd, leave, pauseMs } from "../../proposals/pause.ts";
import { systemClock } from "../../server/clock.ts";

const busy = (share: number) => ({ ...systemClock, busyShare: () => share });

/** One in each `everyMs` for a second, each of whom stays for `staysMs`. */
function crowdOf({ everyMs, staysMs }: { everyMs: number; staysMs: number }) {
  const crowd = emptyCrowd();
  for (let ms = 0; ms < 1_000; ms += everyMs) {
    arrive(crowd, ms);
    if (ms >= staysMs) leave(crowd);
  }
  return crowd;
}

describe("the next batch waits", () => {
  for (const { who, share, crowd, expected } of [
    { who: "for many, while the process is busy", share: 1, crowd: { everyMs: 2, staysMs: 40 }, expected: 60 },
    { who: "less while it is less so", share: 0.65, crowd: { everyMs: 2, staysMs: 40 }, expected: 30 },
    { who: "not while it has time to spare", share: 0.3, crowd: { everyMs: 2, staysMs: 40 }, expected: 0 },
    { who: "not for one who comes again and again: he is alone", share: 1, crowd: { everyMs: 5, staysMs: 5 }, expected: 0 },
    { who: "not for those who come too rarely, far from each other", share: 0.5, crowd: { everyMs: 15, staysMs: 200 }, expected: 0 },
  ]) {
    test(who, () => assert.equal(Math.round(pauseMs(busy(share), crowdOf(crowd), 60)), expected));
  }

  test("not for a crowd that is not known yet", () => assert.equal(pauseMs(busy(1), emptyCrowd(), 60), 0));
});

test("what only has to share a message waits as long as the process is busy, whoever comes", () => {
  assert.deepEqual(
    [0, 0.3, 0.65, 1].map((share) => Math.round(busyMs(busy(share), 60))),
    [0, 0, 30, 60],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSchedule } from "../../sim/schedule.ts";

test("any wait moves the clock, however little of it the sums of fractions have left (seed 1894889430)", async () => {
  const schedule = createSchedule();
  const times: number[] = [];
  schedule.after(17_065.55535675514, () => {
    times.push(schedule.nowMs());
    schedule.after(1.8e-12, () => times.push(schedule.nowMs()));
    schedule.after(0, () => times.push(schedule.nowMs()));
  });
  await schedule.run(() => false);
  const [first = 0, none, least = 0] = times;
  assert.equal(none, first);
  assert.ok(least > first && least - first < 0.002);
});

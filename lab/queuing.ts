/**
 * Timestamp-ordered queuing in front of the code that ships: whoever has a pre-accept early handles it only once the farthest member of the
 * nearest fast quorum has it too. The owner's own set is in the message, so it stands at once, unlike in EPaxos Revisited's section 5:
 * EPaxos* compares with it. A delay of messages and nothing else, so it can break no rule. All clocks agree here.
 */
import { thresholds } from "../protocol/quorum.ts";
import { oneWay } from "./delay.ts";
import type { Setting } from "./setting.ts";

/** By datacenter: how long after it has sent a pre-accept others handle it at the earliest, in milliseconds. */
export function dueMs(setting: Setting): number[] {
  const { fast } = thresholds(setting.placement.length);
  return setting.placement.map((_, from) => {
    const ways = setting.placement.flatMap((_, to) => (to === from ? [] : [oneWay({ ...setting, jitter: 0 }, null, from, to)]));
    return ways.sort((a, b) => a - b)[fast - 2] ?? 0;
  });
}

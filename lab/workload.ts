/** Who asks for what, and when. */
import type { Dice } from "../sim/random.ts";
import { pause, type World } from "../sim/world.ts";
import type { Cluster, Operation, Setting, Workload } from "./setting.ts";

/** Keeps asking from every region that is up until `endMs`; resolves once all is answered. */
export async function runWorkload(world: World, cluster: Cluster, setting: Setting, endMs: number): Promise<Operation[]> {
  const { workload } = setting;
  const operations: Operation[] = [];
  const pickKey = keyPicker(workload);
  const isOver = () => world.schedule.nowMs() >= endMs || world.violation !== null;
  const ask = (site: number, dice: Dice): Promise<void> => {
    const number = operations.length;
    const operation: Operation = {
      number,
      site,
      key: pickKey(dice, number),
      isRead: dice.chance(workload.readShare),
      startMs: world.schedule.nowMs(),
      commitMs: null,
      endMs: null,
      version: 0,
      path: null,
      chain: 0,
    };
    operations.push(operation);
    return cluster.run(operation);
  };
  const closed = async (site: number, dice: Dice) => {
    // Clients do not begin in step.
    await pause(world, dice.next() * 200);
    while (!isOver()) {
      await ask(site, dice);
      // Two operations of one client never share an instant.
      await pause(world, 0.001);
    }
  };
  const open = async (site: number, dice: Dice, perSecond: number) => {
    const asked: Promise<void>[] = [];
    for (;;) {
      await pause(world, (-Math.log(1 - dice.next()) * 1_000) / perSecond);
      if (isOver()) break;
      asked.push(ask(site, dice));
    }
    await Promise.all(asked);
  };
  const sites = setting.placement.map((_, i) => i).filter((i) => i !== setting.down);
  await Promise.all(
    sites.flatMap((site) => {
      const dice = world.dice.fork(`clients ${site}`);
      if (workload.openPerSecond !== null) return [open(site, dice, workload.openPerSecond)];
      return Array.from({ length: workload.clientsPerRegion }, (_, i) => closed(site, dice.fork(`${i}`)));
    }),
  );
  return operations;
}

function keyPicker({ keys }: Workload): (dice: Dice, number: number) => string {
  if (keys.kind === "conflicts") return (dice, number) => (dice.chance(keys.share) ? "hot" : `own${number}`);
  const { exponent, count } = keys;
  // Shares up to each rank, to be searched.
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent;
    upTo[rank] = sum;
  }
  return (dice) => {
    const wanted = dice.next() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] as number) <= wanted) low = middle + 1;
      else high = middle;
    }
    return `z${low}`;
  };
}

/** The processes of one datacenter: its Redis, its servers, its worker. */
import { type Balancer, startBalancer } from "./balancer.ts";
import type { ProcessKind } from "./cluster.ts";
import { until, type Waiting } from "./join.ts";
import type { DatacenterPlace, Layout } from "./layout.ts";
import { type Programs, redisIsUp, redisSpec, serverSpec, workerSpec } from "./processes.ts";
import { type Supervised, supervise, type Watching } from "./supervised.ts";

export type DatacenterParts = {
  readonly redis: Supervised;
  readonly servers: readonly Supervised[];
  readonly workers: readonly Supervised[];
};
export type Datacenter = {
  readonly place: DatacenterPlace;
  /** Starts servers and worker once Redis answers. */
  startNodes(waiting: Waiting): Promise<void>;
  parts(): DatacenterParts;
  pids(): { server: number[]; worker: number[]; redis: number | null };
  stopNodes(): Promise<void>;
  stopRedis(): Promise<void>;
  kill(): Promise<void>;
  revive(waiting: Waiting): Promise<void>;
};

type DatacenterInput = {
  readonly programs: Programs;
  readonly layout: Layout;
  readonly place: DatacenterPlace;
  readonly wan: Record<string, number> | null;
  readonly watch: (kind: ProcessKind) => Watching;
};

/** Starts Redis at once. */
export function createDatacenter({ programs, layout, place, wan, watch }: DatacenterInput): Datacenter {
  const redis = supervise(redisSpec(programs, layout, place), watch("redis"));
  let balancer: Balancer | null = null;
  let servers: Supervised[] = [];
  let workers: Supervised[] = [];
  const nodes = () => [...workers, ...servers];
  const running = (list: readonly Supervised[]) => list.map((each) => each.pid()).filter((pid) => pid !== null);

  return {
    place,
    async startNodes(waiting) {
      waiting.say(place.number, "starts Redis");
      await until(waiting, () => redisIsUp(place));
      waiting.signal.throwIfAborted();
      waiting.say(place.number, "starts its servers");
      if (place.balancerPort !== null) {
        const peerPorts = place.servers.map(({ peerPort }) => peerPort);
        balancer = await startBalancer(place.balancerPort, peerPorts);
      }
      servers = place.servers.map((_, index) => supervise(serverSpec(layout, place, index, wan), watch("server")));
      workers = [supervise(workerSpec(layout, place, wan), watch("worker"))];
    },
    parts: () => ({ redis, servers, workers }),
    pids: () => ({ server: running(servers), worker: running(workers), redis: redis.pid() }),
    async stopNodes() {
      await Promise.all(nodes().map((each) => each.stop()));
      balancer?.close();
    },
    stopRedis: () => redis.stop(),
    kill: async () => void (await Promise.all([...nodes(), redis].map((each) => each.kill()))),
    async revive(waiting) {
      redis.start();
      await until(waiting, () => redisIsUp(place));
      for (const each of nodes()) each.start();
    },
  };
}

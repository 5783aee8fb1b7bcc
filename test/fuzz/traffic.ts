/** Good traffic beside the bad: writes and reads of a few keys, timed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "../support/api.ts";

const clients = 4;
const thinkMs = 20;

export type Traffic = {
  /** Times of all ok answers since the last call, in ms; failures are counted apart. */
  take(): { readonly p50Ms: number; readonly p99Ms: number; readonly ok: number; readonly failed: number };
  stop(): Promise<void>;
};

export function startTraffic(apis: readonly Api[]): Traffic {
  let going = true;
  let times: number[] = [];
  let failed = 0;
  const drive = async (client: number) => {
    for (let n = 0; going; n++) {
      const api = apis[(client + n) % apis.length] as Api;
      const key = `good/${client}`;
      const startMs = performance.now();
      try {
        const { status } = n % 2 === 0 ? await api.put(key, `${n}`) : await api.get(key);
        if (status === 200 || status === 204) times.push(performance.now() - startMs);
        else failed++;
      } catch {
        failed++;
      }
      await sleep(thinkMs);
    }
  };
  const all = Array.from({ length: clients }, (_, client) => drive(client));
  return {
    take() {
      const sorted = times.sort((a, b) => a - b);
      const at = (share: number) => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
      const taken = { p50Ms: at(0.5), p99Ms: at(0.99), ok: sorted.length, failed };
      times = [];
      failed = 0;
      return taken;
    },
    async stop() {
      going = false;
      await Promise.all(all);
    },
  };
}

/** Which endpoint to ask next: the first given while it is healthy, else the nearest one that is. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, request } from "undici";

export type Endpoints = {
  /** All of them, the one to ask first in front. */
  order(): readonly string[];
  /** What an answer or a failure told about one. One that is not healthy is asked last, until it says that it is ready. */
  report(url: string, isHealthy: boolean): void;
  close(): void;
};

const probeMs = { timeout: 3_000, first: 500, cap: 10_000 };
/** How long a measured distance counts. */
const measuredMs = 60_000;

/** @param urls the preferred one first */
export function createEndpoints(urls: readonly string[], agent: Agent): Endpoints {
  const roundTripMs = new Map<string, number>();
  const down = new Set<string>();
  const closing = new AbortController();
  let measuredAtMs = Number.NEGATIVE_INFINITY;

  /** Whether it is ready; remembers how far away it is. */
  async function probe(url: string): Promise<boolean> {
    const startMs = performance.now();
    try {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(probeMs.timeout)]);
      const { statusCode, body } = await request(`${url.replace(/\/+$/, "")}/readyz`, { dispatcher: agent, signal });
      await body.dump();
      roundTripMs.set(url, performance.now() - startMs);
      return statusCode === 200;
    } catch {
      return false;
    }
  }
  /** Only where there is a choice between others. */
  function measure(): void {
    if (urls.length < 3 || performance.now() - measuredAtMs < measuredMs) return;
    measuredAtMs = performance.now();
    // The second one finds an open connection, so that it measures the distance alone.
    for (const url of urls) void probe(url).then((isReady) => isReady && probe(url));
  }
  async function waitUntilReady(url: string): Promise<void> {
    for (let waitMs = probeMs.first; !closing.signal.aborted; waitMs = Math.min(probeMs.cap, waitMs * 2)) {
      await sleep(waitMs * (0.5 + Math.random()), undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
      if (!closing.signal.aborted && (await probe(url))) return void down.delete(url);
    }
  }
  return {
    order() {
      measure();
      const isUp = (url: string) => !down.has(url);
      const others = urls.slice(1).filter(isUp);
      return [...urls.slice(0, 1).filter(isUp), ...others.sort((a, b) => distance(a) - distance(b)), ...urls.filter((url) => !isUp(url))];
    },
    report(url, isHealthy) {
      if (isHealthy || urls.length === 1 || down.has(url)) return;
      down.add(url);
      void waitUntilReady(url);
    },
    close: () => closing.abort(),
  };

  /** Of one that was never measured: as it stands in the list, behind those that were. */
  function distance(url: string): number {
    return roundTripMs.get(url) ?? Number.MAX_SAFE_INTEGER;
  }
}

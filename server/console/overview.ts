/** What the console shows of the whole cluster. The page may ask its own server alone, so that server asks the other datacenters. */
import { Agent, request } from "undici";
import type { AppDeps, ReconfigurationView } from "../routes/deps.ts";
import type { Figures } from "./figures.ts";

/** One datacenter as its own server sees it; the peers are what the matrix of round trips is made of. */
export type OwnView = {
  readonly id: number | null;
  readonly status: string;
  readonly epoch: number;
  /** Why it cannot serve; empty when it does. */
  readonly problems: readonly string[];
  readonly peers: readonly {
    readonly id: number;
    readonly reachable: boolean;
    readonly roundTripMs: number | null;
    readonly lag: number;
  }[];
  readonly openInstances: number;
  readonly figures: Figures;
  readonly stuck: readonly { readonly instance: string; readonly sinceMs: number; readonly recoveries: number }[];
  /** From the coordinator's Temporal, which only some datacenters reach. */
  readonly reconfiguration: ReconfigurationView | null;
};

export type Overview = {
  readonly cluster: object;
  readonly datacenters: readonly { readonly id: number; readonly own: OwnView | null; readonly error: string | null }[];
};

type Member = { readonly id: number; readonly apiUrl: string };

/** Looked at no more often than this, however many consoles are open. */
const FRESH_MS = 800;
const ASK_MS = 1_500;
const ANSWER_BYTES_MAX = 1024 * 1024;

export function createOverview(deps: Pick<AppDeps, "replica" | "clock">, own: () => Promise<OwnView>) {
  const agent = new Agent({ connect: { timeout: ASK_MS }, connections: 2, maxResponseSize: ANSWER_BYTES_MAX });
  const asked = new Map<string, { readonly atMs: number; readonly answer: Promise<OwnView> }>();

  /** The answer is of scope `read`, which whoever asks here has; the question bears this caller's token. */
  function viewAt(apiUrl: string, authorization: string | undefined): Promise<OwnView> {
    const known = asked.get(apiUrl);
    const nowMs = deps.clock.monotonicMs();
    if (known !== undefined && nowMs - known.atMs < FRESH_MS) return known.answer;
    const answer = ask(agent, apiUrl, authorization);
    // Whoever looks next asks anew; nobody waits for this one by itself.
    answer.catch(() => undefined);
    asked.set(apiUrl, { atMs: nowMs, answer });
    return answer;
  }

  return {
    async overview(cluster: object & { readonly replicas: readonly Member[] }, authorization: string | undefined): Promise<Overview> {
      const { self } = deps.replica.report();
      const urls = new Set(cluster.replicas.map(({ apiUrl }) => apiUrl));
      for (const url of asked.keys()) if (!urls.has(url)) asked.delete(url);
      const views = cluster.replicas.map(async ({ id, apiUrl }) => {
        try {
          return { id, own: id === self ? await own() : await viewAt(apiUrl, authorization), error: null };
        } catch (error) {
          return { id, own: null, error: error instanceof Error ? error.message : String(error) };
        }
      });
      return { cluster, datacenters: await Promise.all(views) };
    },
    close: () => agent.destroy(),
  };
}

async function ask(agent: Agent, apiUrl: string, authorization: string | undefined): Promise<OwnView> {
  const url = `${apiUrl.replace(/\/+$/, "")}/console/own`;
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    headers: authorization === undefined ? {} : { authorization },
    headersTimeout: ASK_MS,
    bodyTimeout: ASK_MS,
    signal: AbortSignal.timeout(ASK_MS),
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`${url} answered ${statusCode}`);
  }
  return (await body.json()) as OwnView;
}

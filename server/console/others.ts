/** What the servers of other datacenters say of themselves, asked at their addresses for clients. */
import { Agent, request } from "undici";
import type { Clock } from "../../proposals/ports.ts";
import type { ReconfigurationView } from "../routes/deps.ts";
import type { Figures } from "./figures.ts";

/** One datacenter as its own server sees it; the peers are what the matrix of round trips is made of. */
export type OwnView = {
  readonly id: number | null;
  readonly build: string;
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

export type Others = {
  /** The answer is of scope `read`, which whoever asks here has; the question bears this caller's token. */
  viewAt(apiUrl: string, authorization: string | undefined): Promise<OwnView>;
  /** Forgets what was heard from any other address. */
  keepOnly(apiUrls: ReadonlySet<string>): void;
  close(): Promise<void>;
};

/** Looked at no more often than this, however many ask here. */
const FRESH_MS = 800;
const ASK_MS = 1_500;
const ANSWER_BYTES_MAX = 1024 * 1024;

export function createOthers(clock: Pick<Clock, "monotonicMs">): Others {
  const agent = new Agent({ connect: { timeout: ASK_MS }, connections: 2, maxResponseSize: ANSWER_BYTES_MAX });
  const asked = new Map<string, { readonly atMs: number; readonly answer: Promise<OwnView> }>();
  return {
    viewAt(apiUrl, authorization) {
      const known = asked.get(apiUrl);
      const nowMs = clock.monotonicMs();
      if (known !== undefined && nowMs - known.atMs < FRESH_MS) return known.answer;
      const answer = ask(agent, apiUrl, authorization);
      // Whoever looks next asks anew; nobody waits for this one by itself.
      answer.catch(() => undefined);
      asked.set(apiUrl, { atMs: nowMs, answer });
      return answer;
    },
    keepOnly(apiUrls) {
      for (const url of asked.keys()) if (!apiUrls.has(url)) asked.delete(url);
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

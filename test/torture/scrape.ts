/** Figures that a server tells of itself on `/metrics`. */
import type { Api } from "../support/api.ts";

export async function gaugeAt(api: Api, name: string): Promise<number> {
  const { text } = await api.ask("GET", "/metrics");
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
}

/** The largest value of a gauge that has one for each of something; 0 for none. */
export async function largestGaugeAt(api: Api, name: string): Promise<number> {
  const { text } = await api.ask("GET", "/metrics");
  const values = [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "gm"))].map(([, value]) => Number(value));
  return Math.max(0, ...values);
}

/** The bound of the bucket in which that share of a histogram's observations ends, since `before` was scraped; 0 for none. */
export async function quantileAt(api: Api, name: string, share: number, before: string): Promise<number> {
  const { text } = await api.ask("GET", "/metrics");
  const earlier = bucketsIn(before, name);
  const counts = [...bucketsIn(text, name)].map(([bound, count]) => ({ bound, count: count - (earlier.get(bound) ?? 0) }));
  const total = counts.at(-1)?.count ?? 0;
  return total === 0 ? 0 : (counts.find(({ count }) => count >= share * total)?.bound ?? 0);
}

function bucketsIn(text: string, name: string): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const [, bound = "", count = "0"] of text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\S+)$`, "gm")))
    buckets.set(bound === "+Inf" ? Infinity : Number(bound), Number(count));
  return buckets;
}

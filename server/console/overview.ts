/** What the console shows of the whole cluster. The page may ask its own server alone, so that server asks the other datacenters. */
import type { Others, OwnView } from "./others.ts";

export type Overview = {
  readonly cluster: object;
  readonly datacenters: readonly { readonly id: number; readonly own: OwnView | null; readonly error: string | null }[];
};

type Member = { readonly id: number; readonly apiUrl: string };
type Asking = {
  readonly self: number | null;
  readonly own: () => Promise<OwnView>;
  readonly others: Others;
  readonly authorization: string | undefined;
};

export async function overview(
  cluster: object & { readonly replicas: readonly Member[] },
  { self, own, others, authorization }: Asking,
): Promise<Overview> {
  others.keepOnly(new Set(cluster.replicas.map(({ apiUrl }) => apiUrl)));
  const views = cluster.replicas.map(async ({ id, apiUrl }) => {
    try {
      return { id, own: id === self ? await own() : await others.viewAt(apiUrl, authorization), error: null };
    } catch (error) {
      return { id, own: null, error: error instanceof Error ? error.message : String(error) };
    }
  });
  return { cluster, datacenters: await Promise.all(views) };
}

/** Under which instance a proposal with an idempotency key is answered: the first one's, where it did what is asked again. */
import type { InstanceId } from "../../protocol/types.ts";
import type { AppDeps } from "./deps.ts";

/** @param instance of the proposal that was executed just now, perhaps in vain */
export async function firstInstance({ store }: Pick<AppDeps, "store">, key: string | null, instance: InstanceId): Promise<InstanceId> {
  if (key === null) return instance;
  // The results are known: a store that goes away now must not make an error of them.
  const [row] = await store.read("row", [key]).catch(() => []);
  return row?.instance ?? instance;
}

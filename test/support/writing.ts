/** Writers that must not notice what a test does to the cluster. */
import { type Api, bodyOf } from "./api.ts";

/** One writer each, one write after the other; every one of them must be answered 200. */
export function startWriting(apis: readonly Api[], name: string): { stop(): Promise<string[]> } {
  const written: string[] = [];
  let over = false;
  const writers = apis.map(async (api, i) => {
    for (let n = 0; !over; n++) {
      const key = `${name}/${i}/${n}`;
      bodyOf(await api.put(key, "x"), 200);
      written.push(key);
    }
  });
  const all = Promise.all(writers);
  // Whoever stops it hears of a write that failed.
  all.catch(() => undefined);
  return {
    async stop() {
      over = true;
      await all;
      return written;
    },
  };
}

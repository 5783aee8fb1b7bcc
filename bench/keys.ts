/** Which key a request is about. */

/** By Zipf's law over `count` keys: the k-th is asked for with weight 1/k^exponent. */
export function zipfKeys(exponent: number, count: number, random: () => number): () => string {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    sum += 1 / (k + 1) ** exponent;
    upTo[k] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return `zipf/${low}`;
  };
}

/** One request that sets all of these keys. */
export function setCommands(keys: readonly string[], value: string): { readonly path: string; readonly body: string } {
  const commands = keys.map((key) => `{"kind":"set","key":${JSON.stringify(key)},"value":"${value}"}`);
  return { path: "/v1/proposals", body: `{"commands":[${commands.join(",")}]}` };
}

export function read(key: string, mode: string): { readonly path: string } {
  return { path: `/v1/kv/${encodeURIComponent(key)}?read=${mode}` };
}

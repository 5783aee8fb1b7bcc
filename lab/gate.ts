/**
 * Bounded chains in front of the code that ships: writes of a key go in waves, and a wave begins once the one before it is answered, that is
 * executed. Those of one wave share instances as they come together, so a datacenter has at most two unexecuted ones of a key: the first
 * caller's and that of all others. A gate of callers and nothing else, so it can break no rule.
 */
export type Gate = { through(key: string, ask: () => Promise<void>): Promise<void> };

/** One a datacenter. */
export function createGate(): Gate {
  const waves = new Map<string, { under: number; next: (() => void)[] }>();
  return {
    async through(key, ask) {
      const wave = waves.get(key);
      if (wave === undefined) waves.set(key, { under: 1, next: [] });
      else await new Promise<void>((resolve) => wave.next.push(resolve));
      const mine = waves.get(key);
      try {
        await ask();
      } finally {
        if (mine !== undefined && --mine.under === 0) {
          if (mine.next.length === 0) waves.delete(key);
          else {
            const next = mine.next.splice(0);
            mine.under = next.length;
            for (const go of next) go();
          }
        }
      }
    },
  };
}

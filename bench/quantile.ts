/** @param sorted ascending  @param share from 0 to 1  @returns 0 of nothing */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

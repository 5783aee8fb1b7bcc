import { getSystemErrorMap } from "node:util";

/** Why a file cannot be read, in words and without its content. */
export function whyUnreadable(error: unknown): string {
  const [, words] = getSystemErrorMap().get((error as { errno?: number }).errno ?? 0) ?? [];
  return words ?? "it cannot be read";
}

/** Where setup keeps what it has to fetch or build, once per user. */
export function cacheBin(): string;
/** The full path of a program on PATH, or null. */
export function onPath(name: string, path?: string): string | null;
/** redis-server, else Valkey's, which speaks the same; or null. */
export function findRedis(): string | null;
/** The Temporal CLI: TEMPORAL_CLI, else on PATH, else the cached one; or null. */
export function findTemporal(): string | null;
/** CHROMIUM, else what PATH has under its usual names and runs; or null. */
export function findChromium(): string | null;
/** What a program prints, or null when it cannot be run. */
export function outputOf(program: string, ...args: string[]): string | null;

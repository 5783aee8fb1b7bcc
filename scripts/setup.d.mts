export type LockedPackage = { readonly version?: string; readonly optional?: boolean; readonly devOptional?: boolean };
/** What the person at the keyboard can do something about: one sentence, no stack. */
export class SetupError extends Error {}
/** Runs every step. `withBuild: false` leaves dist/ alone; only the tests of pages want a browser. @throws SetupError */
export function setup(options?: { readonly withBuild?: boolean; readonly withBrowser?: boolean }): Promise<void>;
/** Whether what is installed is what the lock file asks for, by npm's own two lists. */
export function sameVersions(wanted: Readonly<Record<string, LockedPackage>>, installed: Readonly<Record<string, LockedPackage>>): boolean;
/** From `Redis server v=7.0.15 sha=…` or `Valkey server v=8.0.1 …`; null for anything else. */
export function majorVersion(text: string): number | null;

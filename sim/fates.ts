/**
 * What became of requests whose callers never heard. Their histories would leave them open, and a checker cannot search
 * dozens of operations that may or may not have happened; but once all is settled the disks tell.
 */
import { instanceName } from "../protocol/ids.ts";
import type { Command, InstanceId } from "../protocol/types.ts";
import type { Ask } from "./history.ts";
import type { Ledger } from "./invariants/ledger.ts";
import { violate } from "./world.ts";

export type Fate =
  | { readonly kind: "never" }
  /** Executed somewhere by then: whoever had asked there would have had the answer. */
  | { readonly kind: "by"; readonly atMs: number }
  /** Others asked for just the same, so nobody can tell whose it was. */
  | { readonly kind: "open" };

type Executed = { readonly id: InstanceId; readonly atMs: number };

/** @param requests all proposals of the run, each once: attempts with one idempotency key are one request */
export function createFates(ledger: Ledger, requests: readonly Ask[]): (ask: Ask) => Fate {
  const executed = executedByText(ledger);
  const alike = new Map<string, number>();
  // Linearizable reads end in a `get` of their own now and then, so of gets there may be more than anybody proposed.
  for (const ask of requests) if (changesSomething(ask)) alike.set(textOfAsk(ask), (alike.get(textOfAsk(ask)) ?? 0) + 1);
  for (const [text, count] of alike) {
    const found = executed.get(text) ?? [];
    if (found.length > count && !text.endsWith("|")) ledger.world.cover.count("idempotency key", "several instances");
    // With an idempotency key the state machine answers the later ones from the first one's row.
    if (found.length > count && text.endsWith("|"))
      violate(
        ledger.world,
        "I13",
        `asked ${count} times and executed ${found.length} times: ${found.map(({ id }) => instanceName(id)).join(", ")}`,
        found.map(({ id }) => id),
      );
  }
  return (ask) => {
    if (!changesSomething(ask)) return { kind: "open" };
    const text = textOfAsk(ask);
    const found = executed.get(text) ?? [];
    if (found.length === 0) return { kind: "never" };
    if (alike.get(text) !== 1) return { kind: "open" };
    return { kind: "by", atMs: Math.min(...found.map(({ atMs }) => atMs)) };
  };
}

type Proposal = Extract<Ask, { kind: "propose" }>;

function changesSomething(ask: Ask): ask is Proposal {
  return ask.kind === "propose" && ask.commands.some(({ kind }) => kind !== "get");
}

function executedByText(ledger: Ledger): Map<string, Executed[]> {
  const byText = new Map<string, Executed[]>();
  for (const [id, atMs] of ledger.executed) {
    const value = ledger.decided.get(id)?.value ?? "nop";
    if (value === "nop") continue;
    for (const { commands, idempotency } of value.entries) {
      const text = textOf(commands, idempotency?.key ?? null);
      byText.set(text, [...(byText.get(text) ?? []), { id, atMs }]);
    }
  }
  return byText;
}

function textOfAsk(ask: Proposal): string {
  return textOf(ask.commands, ask.idempotencyKey);
}

function textOf(commands: readonly Command[], idempotencyKey: string | null): string {
  const plain = JSON.stringify(commands, (_key, inner) => {
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString("latin1");
    return typeof inner === "bigint" ? `${inner}` : inner;
  });
  return `${plain}|${idempotencyKey ?? ""}`;
}

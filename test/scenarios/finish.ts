import { ScriptError } from "./script-error.ts";
import type { Stage } from "./stage.ts";

/** Only messages that are sent from now on go their way, so that what the script holds stays held. */
export async function finish<T>(stage: Stage, begin: () => Promise<T>): Promise<T> {
  const before = new Set(stage.network.messages);
  let end: { readonly value: T } | { readonly error: unknown } | null = null;
  begin().then(
    (value) => {
      end = { value };
    },
    (error) => {
      end = { error };
    },
  );
  for (let count = 0; count < 500; count++) {
    await stage.rest();
    const done = end as { readonly value: T } | { readonly error: unknown } | null;
    const next = stage.network.messages.find((message) => message.state === "sent" && !before.has(message));
    if (next === undefined && done !== null) {
      if ("error" in done) throw new ScriptError(String(done.error));
      return done.value;
    }
    if (next === undefined) await stage.advance(20);
    else if ((await stage.network.arrive(next)) !== null) await stage.network.comeBack(next);
  }
  throw new ScriptError("it does not come to an end");
}

import { withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { json, line, note, showShort } from "../output.ts";

export const watch = withClient<{ readonly after?: string }>(async ({ client, options, json: asJson }, [prefix]) => {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  if (process.stdout.isTTY && !asJson)
    note(
      `changes${prefix === undefined ? "" : ` of ${prefix}…`} ${options.after === undefined ? "from now on" : "after that position"}; Ctrl-C ends it`,
    );
  const filter = { ...(prefix === undefined ? {} : { prefix }), ...(options.after === undefined ? {} : { after: options.after }) };
  for await (const event of client.watch({ ...filter, signal: stop.signal })) {
    if (asJson) json(event);
    else if (event.event === "gap") note("changes before this point are not told here: list anew");
    else if (event.data !== null) {
      const { key, value, version, instance } = event.data;
      line(
        [
          event.event,
          showShort(key),
          ...(event.event === "put" ? [showShort(value)] : []),
          `version ${version}`,
          `instance ${instance}`,
        ].join("\t"),
      );
    }
  }
  return exit.done;
});

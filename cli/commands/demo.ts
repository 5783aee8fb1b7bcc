import { integer } from "../context.ts";
import { runDemo } from "../demo/tour.ts";

export async function demo(options: { readonly exit?: boolean; readonly port?: string }): Promise<void> {
  const port = options.port === undefined ? {} : { port: integer("--port", options.port, { min: 1_024, max: 65_000 }) };
  process.exitCode = await runDemo({ ...port, stay: options.exit !== true });
}

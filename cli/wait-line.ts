/** What a person is waiting for: on a terminal one line, rewritten, with the time that has passed; in a pipe a line for each news. */
const everyMs = 250;

type Stream = { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
export type WaitLine = { say(text: string): void; done(): void };

export function createWaitLine(stream: Stream, nowMs: () => number = () => performance.now()): WaitLine {
  const startedMs = nowMs();
  if (stream.isTTY !== true) return { say: (text) => void stream.write(`${text}\n`), done: () => {} };
  let said = "";
  const draw = () => {
    const line = `${Math.round((nowMs() - startedMs) / 1_000)} s  ${said}`;
    // A line that wraps could not be rewritten.
    stream.write(`\r\x1b[2K${line.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const timer = setInterval(draw, everyMs);
  timer.unref();
  return {
    say(text) {
      said = text;
      draw();
    },
    done() {
      clearInterval(timer);
      if (said !== "") stream.write("\n");
    },
  };
}

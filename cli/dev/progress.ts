/** What a person sees while the cluster starts: one line a datacenter, rewritten in place on a terminal. */
const frameMs = 100;

export type Progress = { say(number: number, text: string): void; done(): void };

type Stream = { write(text: string): unknown; readonly isTTY?: boolean };

export function createProgress(stream: Stream, nowMs: () => number = () => performance.now()): Progress {
  const texts = new Map<number, string>();
  const startedMs = nowMs();
  let drawn = 0;
  let dirty = false;
  const name = (number: number) => (number === 0 ? "temporal" : `dc-${number}`);
  const seconds = () => `${((nowMs() - startedMs) / 1_000).toFixed(1)} s`;

  function draw(): void {
    if (!dirty) return;
    dirty = false;
    if (drawn > 0) stream.write(`\x1b[${drawn}A`);
    const numbers = [...texts.keys()].sort((a, b) => a - b);
    for (const number of numbers) stream.write(`\x1b[2K  ${name(number).padEnd(9)} ${texts.get(number)}\n`);
    drawn = numbers.length;
  }

  const timer = stream.isTTY === true ? setInterval(draw, frameMs) : null;
  timer?.unref();
  return {
    say(number, text) {
      if (texts.get(number) === text) return;
      texts.set(number, text);
      dirty = true;
      if (stream.isTTY !== true) stream.write(`${seconds().padStart(7)}  ${name(number)}: ${text}\n`);
    },
    done() {
      if (timer === null) return;
      clearInterval(timer);
      draw();
    },
  };
}

import type { RecordKind, Records, Step, View, Write } from "../../protocol/types.ts";

/** A replica's records in a Map, for tests of pure steps. */
export type TestView = View & {
  apply(writes: readonly Write[]): void;
  /** Applies what a step writes and gives its reply. */
  run<Reply>(step: Step<Reply>): Reply;
};

export function testView(writes: readonly Write[] = []): TestView {
  const records = new Map<string, Write>();
  const view: TestView = {
    get<K extends RecordKind>(kind: K, id: string): Records[K] | null {
      return (records.get(`${kind} ${id}`)?.record ?? null) as Records[K] | null;
    },
    apply(more) {
      for (const write of more) records.set(`${write.kind} ${write.id}`, write);
    },
    run({ reply, writes: more }) {
      view.apply(more);
      return reply;
    },
  };
  view.apply(writes);
  return view;
}

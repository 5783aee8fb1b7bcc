/** What holds at one voter after any requests in any order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stepAcceptor } from "../../protocol/acceptor.ts";
import { compareBallots } from "../../protocol/ballot.ts";
import { keyFootprint } from "../../protocol/conflict.ts";
import { ownerOf } from "../../protocol/ids.ts";
import { getInstance } from "../../protocol/instance.ts";
import type { AcceptorRequest } from "../../protocol/messages.ts";
import type { Ballot, Deps, InstanceId, Value } from "../../protocol/types.ts";
import { type TestView, testView } from "../support/view.ts";
import { id, key } from "./arbitrary.ts";
import { ballot, deps, epoch, link, payload, voterRecords } from "./voters.ts";

const ids = [id(1, 1), id(1, 2), id(2, 1), id(3, 1)];
const initial = (of: InstanceId): Deps => (of === id(1, 2) ? deps(id(1, 1)) : deps());
/** One value for each ballot, one decision for each id, as the protocol promises. */
const proposed = (of: InstanceId, at: Ballot): { value: Value; deps: Deps } =>
  (at.counter + at.replica) % 2 === 0 ? { value: "nop", deps: deps() } : { value: payload(ids.indexOf(of)), deps: initial(of) };

const anyOf = fc.constantFrom(...ids);
const anyBallot = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }))
  .map(([counter, replica]) => ballot(counter, replica));
const anyRequest: fc.Arbitrary<AcceptorRequest> = fc
  .tuple(fc.constantFrom("preAccept", "accept", "recover", "validate", "commit", "waiting"), anyOf, anyBallot)
  .map(([kind, of, at]): AcceptorRequest => {
    const about = { epoch: epoch(1), id: of };
    const value = payload(ids.indexOf(of));
    switch (kind) {
      case "preAccept":
        return { kind, ...about, payload: value, deps: initial(of) };
      case "accept":
        return { kind, ...about, ballot: at.counter === 0 ? { ...at, replica: ownerOf(of) } : at, ...proposed(of, at) };
      case "recover":
        return { kind, ...about, ballot: at };
      case "validate":
        return { kind, ...about, ballot: at, payload: value, deps: initial(of) };
      case "commit":
        return { kind, ...about, ...proposed(of, ballot(0, 1 + (of % 2))) };
      default:
        return { kind: "waiting", ...about, count: at.counter };
    }
  });

function play(
  requests: readonly AcceptorRequest[],
  look: (view: TestView, request: AcceptorRequest, step: () => ReturnType<typeof stepAcceptor>) => void,
): void {
  const view = testView(voterRecords(3, [link(1, [1, 2, 3])]));
  for (const request of requests) look(view, request, () => stepAcceptor(view, request));
}
const walks = fc.array(anyRequest, { maxLength: 40 });

test("the accepted ballot never passes the one joined, and both only go up", () => {
  fc.assert(
    fc.property(walks, (requests) =>
      play(requests, (view, request, step) => {
        const before = getInstance(view, request.id);
        view.run(step());
        const after = getInstance(view, request.id);
        if (after === null) return;
        assert(compareBallots(after.acceptedBallot, after.ballot) <= 0);
        if (before === null) return;
        assert(compareBallots(before.ballot, after.ballot) <= 0);
        assert(compareBallots(before.acceptedBallot, after.acceptedBallot) <= 0);
        const phases = ["initial", "preaccepted", "accepted", "committed"];
        assert(phases.indexOf(before.phase) <= phases.indexOf(after.phase));
      }),
    ),
  );
});

test("nothing changes what is committed, and whoever asks for a vote is told", () => {
  fc.assert(
    fc.property(walks, (requests) =>
      play(requests, (view, request, step) => {
        const before = getInstance(view, request.id);
        const reply = view.run(step());
        if (before?.phase !== "committed") return;
        assert.deepEqual(getInstance(view, request.id), before);
        if (request.kind === "commit" || request.kind === "waiting") return;
        assert.deepEqual(reply, { kind: "committed", id: before.id, value: before.value, deps: before.deps });
      }),
    ),
  );
});

test("the same request twice has the same reply, and the second time changes nothing", () => {
  fc.assert(
    fc.property(walks, (requests) =>
      play(requests, (view, _request, step) => {
        const reply = view.run(step());
        assert.deepEqual(step(), { reply, writes: [] });
      }),
    ),
  );
});

test("initial values are set once, and by no Accept", () => {
  fc.assert(
    fc.property(walks, (requests) =>
      play(requests, (view, request, step) => {
        const before = getInstance(view, request.id);
        view.run(step());
        const after = getInstance(view, request.id);
        if (before?.initDeps !== null && before !== null) assert.deepEqual(after?.initDeps, before.initDeps);
        if (request.kind === "accept") assert.deepEqual(after?.initDeps ?? null, before?.initDeps ?? null);
      }),
    ),
  );
});

test("the index holds exactly what is known as more than Nop, ascending, and loses nothing", () => {
  fc.assert(
    fc.property(walks, (requests) =>
      play(requests, (view, request, step) => {
        const entries = () => (view.get("index", keyFootprint(key("k")))?.entries ?? []).map((entry) => entry.id);
        const before = entries();
        view.run(step());
        const after = entries();
        assert.deepEqual(
          after,
          [...after].sort((a, b) => a - b),
        );
        assert(before.every((each) => after.includes(each)));
        const record = getInstance(view, request.id);
        const known = record !== null && (record.initPayload !== null || (record.value !== null && record.value !== "nop"));
        assert.equal(after.includes(request.id), known || before.includes(request.id));
      }),
    ),
  );
});

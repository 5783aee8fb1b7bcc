// What the test runner counts, apart from running anything.

/** How a suite that did not get to its end shows in the counts. */
export function emptyCounts() {
  return { passed: 0, failed: 0, skipped: 0 };
}

export function addCounts(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The last line of `npm test`. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** A run in which nothing passed proves nothing. */
export function exitCodeOf({ passed, failed }) {
  return failed > 0 || passed === 0 ? 1 : 0;
}

/**
 * Counts leaves: a test or suite that has reported children counts only for what went wrong in itself. Fed with node:test's
 * `test:pass` and `test:fail` events; a child reports before its parent, files may be interleaved.
 */
export function createCounter() {
  const children = new Map();
  return {
    /** @returns "passed", "failed", "skipped", or null where the event is no leaf */
    take(event) {
      const { file = "", nesting, name, details, skip, todo } = event.data;
      const depths = children.get(file) ?? [];
      children.set(file, depths);
      const isParent = depths[nesting + 1] === true;
      depths.length = nesting + 1;
      depths[nesting] = true;
      if (event.type === "test:fail" && todo === undefined) {
        return details?.error?.failureType === "subtestsFailed" ? null : "failed";
      }
      if (skip !== undefined) return `${skip}`.includes("does not match pattern") ? null : "skipped";
      if (todo !== undefined) return "skipped";
      const isFile = nesting === 0 && (name === file || /\.test\.[mc]?[jt]s$/.test(name));
      return isParent || isFile || details?.type === "suite" ? null : "passed";
    },
  };
}

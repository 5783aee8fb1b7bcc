/** How far regions are from each other: built-in public measurements, or a file of the same form. */

/** Round trips in milliseconds, by two names joined with "-" in either order; inside a region 0. */
export type Matrix = { readonly regions: readonly string[]; readonly roundTripsMs: Readonly<Record<string, number>> };

export class LabInputError extends Error {
  override readonly name = "LabInputError";
}

/** Between AWS regions: the first five measured in 2020 and published, those with SG, SY, BR or IN rounded to whole milliseconds. */
export const builtIn: Matrix = {
  regions: ["CA", "VA", "EU", "OR", "JP", "SG", "SY", "BR", "IN"],
  roundTripsMs: {
    ...{ "CA-VA": 59.9, "CA-EU": 141.2, "CA-OR": 21.1, "CA-JP": 111.7, "VA-EU": 70.5 },
    ...{ "VA-OR": 72.5, "VA-JP": 152.4, "EU-OR": 127.3, "EU-JP": 204.4, "OR-JP": 100.9 },
    ...{ "CA-SG": 170, "VA-SG": 210, "EU-SG": 175, "OR-SG": 160, "JP-SG": 70 },
    ...{ "CA-SY": 138, "VA-SY": 198, "EU-SY": 255, "OR-SY": 140, "JP-SY": 105, "SG-SY": 92 },
    ...{ "CA-BR": 200, "VA-BR": 115, "EU-BR": 180, "OR-BR": 180, "JP-BR": 260, "SG-BR": 325, "SY-BR": 310 },
    ...{ "CA-IN": 230, "VA-IN": 190, "EU-IN": 125, "OR-IN": 220, "JP-IN": 130, "SG-IN": 60, "SY-IN": 150, "BR-IN": 300 },
  },
};

/** @throws LabInputError when the matrix lacks the pair */
export function roundTripMs({ roundTripsMs }: Matrix, a: string, b: string): number {
  const found = a === b ? 0 : (roundTripsMs[`${a}-${b}`] ?? roundTripsMs[`${b}-${a}`]);
  if (found === undefined) throw new LabInputError(`the matrix has no round trip between ${a} and ${b}`);
  return found;
}

/** A JSON object of round trips: `{"paris-tokyo": 220, …}`. @throws LabInputError saying what is wrong with it */
export function parseMatrix(text: string): Matrix {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new LabInputError(`the region matrix is not JSON: ${(error as Error).message}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new LabInputError('the region matrix must be an object such as {"paris-tokyo": 220}');
  const regions = new Set<string>();
  for (const [pair, value] of Object.entries(parsed)) {
    const names = pair.split("-");
    if (names.length !== 2 || names.includes("")) throw new LabInputError(`${JSON.stringify(pair)} is not two regions joined by "-"`);
    if (typeof value !== "number" || !(value >= 0 && value <= 10_000))
      throw new LabInputError(`the round trip of ${pair} must be milliseconds in [0, 10000], not ${JSON.stringify(value)}`);
    for (const name of names) regions.add(name);
  }
  return { regions: [...regions], roundTripsMs: parsed as Record<string, number> };
}

/** Names separated by commas, each one known. @throws LabInputError */
export function parseRegions(matrix: Matrix, text: string): string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const strange = names.find((name) => !matrix.regions.includes(name));
  if (strange !== undefined) throw new LabInputError(`there is no region ${strange}; there are ${matrix.regions.join(", ")}`);
  if (names.length === 0) throw new LabInputError("name at least one region");
  return names;
}

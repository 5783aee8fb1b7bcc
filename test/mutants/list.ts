import type { Mutant } from "./mutant.ts";
import { section7 } from "./section-7.ts";
import { section10 } from "./section-10.ts";

export const mutants: readonly Mutant[] = [...section7, ...section10];

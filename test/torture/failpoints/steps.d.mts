export const steps: readonly string[];
export const driverSteps: readonly string[];
export const memberSteps: readonly {
  readonly at: string;
  readonly by: "coordinator" | "newcomer";
  readonly when: "joining" | "leaving";
}[];

export const places: readonly { readonly file: string; readonly before?: string; readonly after?: string; readonly call: string }[];
export const steps: readonly string[];
export const driverSteps: readonly string[];
export const memberSteps: readonly {
  readonly at: string;
  readonly by: "coordinator" | "newcomer";
  readonly when: "joining" | "leaving";
}[];

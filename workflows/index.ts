/** Every export is registered as a workflow type under its name. */
export { coordinator } from "./coordinator.ts";
export { replica } from "./replica.ts";

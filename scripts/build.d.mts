/** Whether dist/ was made from the sources as they are now. True where there are no sources, as in an installed package. */
export function distIsCurrent(): boolean;
/** Builds from nothing beside dist/ and swaps. @throws Error with what the compiler said */
export function build(): void;

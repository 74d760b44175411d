/** A check that stays on in production: `message` says which of the engine's own promises was broken. Never caught. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

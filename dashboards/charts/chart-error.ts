/** A chart that cannot be drawn: the record has nothing for it, or what draws it is not there. The message is one line. */
export class ChartError extends Error {
  override readonly name = 'ChartError';
}

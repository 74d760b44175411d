/** A record or its file that cannot be read or written; the message is one line that names the file. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

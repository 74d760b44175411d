/** Opens an image as asked and keeps it open until stdin ends, for tests. Words: the image, `write`, `read` or `force-share`. */
import { openImageFile } from '../../../engine/index.ts';

const [file, use] = process.argv.slice(2);
const image = openImageFile(file!, {
  readOnly: use !== 'write',
  locks: use === 'force-share' ? 'force-share' : 'take',
});
process.stdin.resume().on('end', () => {
  image.close();
  process.exit(0);
});

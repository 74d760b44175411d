/** PNG with a palette: a screenshot of text and flat colours takes a third of the bytes. PNG specification, sections 11.2 and 12. */
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MOST_COLOURS = 256;
const BITS_A_SAMPLE = 8;
const PALETTE_COLOUR = 3;
const BYTES_A_PIXEL = 4;

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** Indices into a palette in which colours within `step` share the first one of them; null when there are too many. */
function indexed(rgba: Uint8Array, step: number): { indices: Uint8Array; palette: number[] } | null {
  const places = new Map<number, number>();
  const palette: number[] = [];
  const indices = new Uint8Array(rgba.length / BYTES_A_PIXEL);
  const near = (value: number) => Math.floor(value / step);
  for (let pixel = 0; pixel < indices.length; pixel += 1) {
    const at = pixel * BYTES_A_PIXEL;
    const [red, green, blue] = [rgba[at]!, rgba[at + 1]!, rgba[at + 2]!];
    const colour = (near(red) * 256 + near(green)) * 256 + near(blue);
    let place = places.get(colour);
    if (place === undefined) {
      place = places.size;
      if (place === MOST_COLOURS) return null;
      places.set(colour, place);
      palette.push(red, green, blue);
    }
    indices[pixel] = place;
  }
  return { indices, palette };
}

/** Opaque `rgba` rows of `width` pixels as a PNG of at most 256 colours, as near as they allow. */
export function palettePng(width: number, rgba: Uint8Array): Uint8Array {
  const found = [1, 3, 5, 8, 12, 17, 25, 36, 51].map((step) => () => indexed(rgba, step));
  const { indices, palette } = found.reduce<ReturnType<typeof indexed>>((done, attempt) => done ?? attempt(), null)!;
  const height = indices.length / width;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([BITS_A_SAMPLE, PALETTE_COLOUR], 8);
  // Each row begins with the number of its filter: none.
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0; row < height; row += 1)
    rows.set(indices.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  const parts = [chunk('IHDR', header), chunk('PLTE', Buffer.from(palette))];
  return Buffer.concat([
    SIGNATURE,
    ...parts,
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The process that the soak run kills: opens the image, serves random requests until it dies, and says so on its output. */
import fs from 'node:fs';
import { openFile, openImage, type PolicyName, perform, policyNamed } from '../../../engine/index.ts';
import { Prng } from '../../../workloads/prng.ts';
import { describeFailure } from '../../console/errors.ts';
import { BLOCK_BYTES, blockOf, nextRequest, type SoakMessage } from './soak-request.ts';

/** A call, not a stream: what was said before the kill is in the pipe. */
function say(message: SoakMessage): void {
  fs.writeSync(1, `${JSON.stringify(message)}\n`);
}

function serve(path: string, policy: PolicyName, seed: number, firstNumber: number): never {
  const prng = new Prng(seed);
  const image = openImage(openFile(path, { mode: policyNamed(policy).hostCacheMode }), { policy });
  for (let number = firstNumber; ; number++) {
    const { op, block } = nextRequest(prng);
    say({ starts: op, block, number });
    const range = { offset: block * BLOCK_BYTES, length: BLOCK_BYTES };
    perform(image, { op, mayUnmap: true, ...range }, blockOf(number));
    if (op === 'flush') say({ durable: number });
  }
}

const [path, policy, seed, firstNumber] = process.argv.slice(2);
try {
  serve(path!, policy as PolicyName, Number(seed), Number(firstNumber));
} catch (error) {
  console.error(describeFailure(error).message);
  process.exitCode = 2;
}

/** A policy that does what `modern` does, to the last file operation, and takes longer: written to a file, as a user's own would be. */
import fs from 'node:fs';
import path from 'node:path';

/** Writes it to `folder`: each declared order takes `spinNs` longer. Returns the file and the policy's name. */
export function writeSlowerPolicy(folder: string, name: string, spinNs: number): { file: string; name: string } {
  const file = path.join(folder, `${name}.ts`);
  fs.writeFileSync(file, source(name, spinNs));
  return { file, name };
}

const source = (name: string, spinNs: number) => `import { policyPresets } from 'cowbench';

const modern = policyPresets().find(({ name }) => name === 'modern');

function spin() {
  const until = performance.now() + ${spinNs / 1e6};
  while (performance.now() < until);
}

export default {
  ...modern,
  name: '${name}',
  create(parts) {
    const made = modern.create(parts);
    const { policy } = made;
    const order = policy.order;
    policy.order = (...given) => {
      spin();
      return order.apply(policy, given);
    };
    return made;
  },
};
`;

/** Counts how often an allocator released what it held back because the disk was full. */
import { type PolicyFactory, type PolicyName, policyNamed } from '../../../../engine/index.ts';

export class RoomWatch {
  made = 0;

  /** The policy of that name, watched. */
  around(name: PolicyName): PolicyFactory {
    const { create } = policyNamed(name);
    return (parts) => {
      const { createAllocator, ...setup } = create(parts);
      if (createAllocator === undefined) return setup;
      return {
        ...setup,
        createAllocator: (allocatorParts) => {
          const allocator = createAllocator(allocatorParts);
          const makeRoom = allocator.makeRoom?.bind(allocator);
          allocator.makeRoom = () => {
            const made = makeRoom?.() ?? false;
            if (made) this.made++;
            return made;
          };
          return allocator;
        },
      };
    };
  }
}

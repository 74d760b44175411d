/**
 * Fills in what Node 20 lacks, for the installed package: the build adds an import of this file to every module that uses one of
 * these. A checkout runs a newer Node, and never loads it.
 */

Map.groupBy ??= (items, keyOf) => {
  const groups = new Map();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
};

Promise.withResolvers ??= <Value>() => {
  let resolve!: (value: Value | PromiseLike<Value>) => void;
  let reject!: (reason?: unknown) => void;
  const promise = new Promise<Value>((...settlers) => {
    [resolve, reject] = settlers;
  });
  return { promise, resolve, reject };
};

// Of the whole process: what its other threads do, such as collecting garbage, counts too.
process.threadCpuUsage ??= (before) => process.cpuUsage(before);

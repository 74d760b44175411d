/** The machine, the runtime, the source and the storage that a run was made with. */
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import type { Environment } from '../../results/record.ts';
import { fileSystemOf } from './file-system.ts';
import { probeSyncs } from './probe.ts';

/** What a run in `directory` will be made with; warnings name what makes its times meaningless. */
export function describeEnvironment(directory: string): Environment {
  const fileSystem = fileSystemOf(directory);
  const syncProbe = probeSyncs(directory);
  const warnings: string[] = [];
  if (fileSystem.tmpfs) {
    warnings.push(
      `${directory} is on ${fileSystem.type}, which is memory: sync times mean nothing here (choose --dir)`,
    );
  } else if (!syncProbe.looksReal) {
    warnings.push(`a sync takes ${syncProbe.medianNs} ns in this directory: nothing seems to wait for a device`);
  }
  return { ...describeMachine(), fileSystem, syncProbe, warnings };
}

function describeMachine() {
  const cpus = os.cpus();
  return {
    machine: machineHash(),
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
  };
}

/** Tells machines apart without naming them: a keyed hash of the machine id, as machine-id(5) asks for. */
function machineHash(): string {
  let identity = os.hostname();
  try {
    identity = fs.readFileSync('/etc/machine-id', 'utf8').trim() || identity;
  } catch {
    // No machine id on this platform.
  }
  return createHmac('sha256', identity).update('cowbench').digest('hex').slice(0, 12);
}

/** What can be put around the engine from outside: around its policy, its file, and the requests that it is given. */
import type { BlockFile, PolicyFactory, Qcow2Image, QueuedRequest } from '../../../engine/index.ts';
import type { CrashRequest } from '../requests/crash-workload.ts';

/** What an alteration may know while the workload runs. */
export interface AlteredRun {
  /** The request being served. */
  op: CrashRequest['op'] | 'open';
}

export interface Alteration {
  /** Makes another policy, or the same with something around it. */
  readonly alterPolicy?: (create: PolicyFactory, run: AlteredRun) => PolicyFactory;
  /** Between the engine and the recording. */
  readonly wrapFile?: (file: BlockFile, run: AlteredRun) => BlockFile;
  /** Below the recording: what happens here is recorded as it happened. */
  readonly wrapMemory?: (file: BlockFile, run: AlteredRun) => BlockFile;
  /** Around each request; must call `serve` once. */
  readonly aroundRequest?: (serve: () => void, request: CrashRequest, image: Qcow2Image, file: BlockFile) => void;
  /** Of each request that is queued with others. */
  readonly alterQueued?: (request: QueuedRequest) => QueuedRequest;
}

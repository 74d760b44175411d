/** Guest request streams for other programs: the workloads by name, and what a workload of one's own is made of. */
export { batched, inSequence, noRequests } from './batches.ts';
export { TraceError, WorkloadError } from './errors.ts';
export { fillGuestData } from './guest-data.ts';
export {
  choiceParameter,
  countParameter,
  type ParameterDescription,
  sizeParameter,
} from './parameters.ts';
export { Prng } from './prng.ts';
export { findDefinition, findWorkload, registerWorkload, WORKLOADS } from './registry.ts';
export type { GuestRequest, RequestStream } from './request.ts';
export {
  defineWorkload,
  type Workload,
  type WorkloadContext,
  type WorkloadDefinition,
  type WorkloadInput,
  type WorkloadPlan,
} from './workload.ts';

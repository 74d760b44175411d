import type { RequestStream } from '../request.ts';
import { RequestTotals } from '../totals.ts';

/** Runs through `requests` and counts them. */
export async function totalsOf(requests: RequestStream): Promise<RequestTotals> {
  const totals = new RequestTotals();
  for await (const batch of requests) for (const request of batch) totals.add(request);
  return totals;
}

/**
 * At the end of a run: which test files took longest, and which tests were left out for the lack of a program, how many for each, and what
 * installs it. One reporter for both: Node warns of a third one.
 */
import { slowLines } from './slow-files.ts';
import { installCommand, testTools, toolOf } from './tools.ts';

interface TestEvent {
  readonly type: string;
  readonly data: { readonly skip?: string | boolean; readonly file?: string; readonly duration_ms?: number };
}

export default async function* summary(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const tools = testTools();
  const counts = new Map<string, number>();
  const files = new Map<string, number>();
  let others = 0;
  for await (const { type, data } of source) {
    // One without a file is that of the whole run.
    if (type === 'test:summary' && data.file !== undefined) files.set(data.file, data.duration_ms!);
    if (type !== 'test:pass' || typeof data.skip !== 'string') continue;
    const tool = toolOf(data.skip, tools);
    if (tool === null) others++;
    else counts.set(tool, (counts.get(tool) ?? 0) + 1);
  }
  yield* [...slowLines(files), ...summaryLines(counts, others)].map((line) => `${line}\n`);
}

/** Empty when nothing was left out. */
export function summaryLines(counts: ReadonlyMap<string, number>, others: number): string[] {
  const lines = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tool, count]) => `  ${tool}: ${testsText(count)}`);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const install = `What brings them: ${installCommand([...counts.keys()], testTools())}`;
  return [
    ...(total === 0 ? [] : ['', `NOT TESTED, ${testsText(total)} left out for the lack of:`, ...lines, install]),
    ...(others === 0 ? [] : ['', `${testsText(others)} left out for other reasons, named above.`]),
  ];
}

function testsText(count: number): string {
  return count === 1 ? '1 test' : `${count} tests`;
}

/** The reserves that `--reserve` and `--preparation` ask for, and what becomes of `--preparation probe`. */
import type { ReserveOptions } from '../../../engine/index.ts';
import { UsageError } from '../../console/errors.ts';
import { list, memorySize } from '../../console/option-values.ts';
import { preparationNamed, requireReserveBytes } from '../../console/reserve-options.ts';
import type { StorageProbe } from '../../machine/probe.ts';
import { requireReserveRoom } from '../../machine/reserve-room.ts';
import type { BenchPlan } from './plan.ts';

export interface PlannedReserve {
  readonly options: ReserveOptions;
  /** The preparation is to be chosen by what the storage costs, see {@link withPreparedReserves}. */
  readonly isProbed: boolean;
  /** What tells it from the default, in the id of a cell. */
  readonly words: readonly string[];
}

const PROBE = 'probe';

/** Every combination of the two options; undefined where neither is given. Throws UsageError. */
export function reservesNamed(text: (name: string) => string | undefined): readonly PlannedReserve[] | undefined {
  const [sizes, preparations] = [text('reserve'), text('preparation')];
  if (sizes === undefined && preparations === undefined) return undefined;
  const bounds = sizes === undefined ? [null] : list('reserve', sizes);
  const hows = preparations === undefined ? [null] : list('preparation', preparations);
  return bounds.flatMap((bound) =>
    hows.map((how) => ({
      options: {
        ...(bound !== null && { maxBytes: memorySize('reserve', bound) }),
        ...(how !== null && how !== PROBE && { preparation: preparationNamed('preparation', how) }),
      },
      isProbed: how === PROBE,
      words: [how, bound].filter((word) => word !== null),
    })),
  );
}

/**
 * The plan once the storage below `folder` is known: each preparation that is to be probed is `zeroes` where a sync into blocks that are mapped
 * already saves more than it costs to write a cluster of zeros, else `hole`. So a guest that flushes more than once for each new
 * cluster gains by it. On a modelled device it is `hole`.
 * @throws UsageError where a reserve is too small for its clusters, and where the storage cannot give what is asked for.
 */
export function withPreparedReserves(plan: BenchPlan, folder: string, probe: () => StorageProbe): BenchPlan {
  let costs: StorageProbe | null = null;
  const cells = plan.cells.map((cell) => {
    if (cell.engine !== 'cowbench' || cell.reserve === undefined) return cell;
    if (cell.source !== null)
      throw new UsageError('--reserve and --preparation: not between commits, of which earlier ones know neither');
    requireReserveBytes(cell.reserve, cell.clusterSizeBytes);
    requireReserveRoom(folder, cell.reserve);
    const { isReserveProbed, ...known } = cell;
    if (isReserveProbed !== true) return cell;
    if (cell.device === null) costs ??= probe();
    const preparation = costs !== null && zeroesPay(costs, cell.clusterSizeBytes) ? 'zeroes' : 'hole';
    const reserve = { ...cell.reserve, preparation } as const;
    return { ...known, id: cell.id.replace(`/${PROBE}`, `/${PROBE}:${preparation}`), reserve };
  });
  return { ...plan, cells };
}

/** Medians of the probe: a sync after filling a hole, one after overwriting, and the bytes of a cluster. */
export function zeroesPay({ latencies, writeBytesPerSecond }: StorageProbe, clusterSizeBytes: number): boolean {
  const { syncHole, syncOverwrite4K } = latencies;
  if (syncHole === null || syncOverwrite4K === null) return false;
  const savedNs = syncHole.p50Ns - syncOverwrite4K.p50Ns;
  return savedNs > (clusterSizeBytes * 1e9) / writeBytesPerSecond;
}

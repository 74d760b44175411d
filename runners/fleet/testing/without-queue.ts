/** Why tests of the queue are left out, where they are. */
import { QUEUE_INSTALL, queueLibrary } from '../../console/project-root.ts';
import { WITHOUT_POSTGRES } from '../../stores/testing/postgres-server.ts';

/** False where there is a database and the package that keeps jobs in it, and in CI, where they must be. */
export const WITHOUT_QUEUE =
  WITHOUT_POSTGRES ||
  ((process.env.CI ?? '') === '' &&
    queueLibrary() === null &&
    `NOT TESTED: needs the package pg-boss: ${QUEUE_INSTALL}`);

/**
 * The schema of the database, step by step. A step that was released is never changed; a new one follows it. Roles: the owner migrates;
 * `cowbench_worker` adds runs and work but removes nothing; `cowbench_reader` reads.
 */

/** Of the queue's own tables, which its package makes and migrates. */
export const QUEUE_SCHEMA = 'cowbench_queue';

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE cowbench.run (
    run_id text PRIMARY KEY CHECK (run_id ~ '^[0-9A-Za-z-]{8,80}$'),
    plan text,
    commit_hash text,
    machine text NOT NULL,
    workload text NOT NULL,
    file_system text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'complete', 'interrupted', 'failed')),
    started_at timestamptz NOT NULL,
    started_text text NOT NULL,
    samples integer NOT NULL,
    digest text NOT NULL,
    document text NOT NULL
  );
  CREATE INDEX run_newest ON cowbench.run (started_at DESC, run_id DESC);
  CREATE INDEX run_plan ON cowbench.run (plan, commit_hash, machine);

  CREATE TABLE cowbench.sample (
    run_id text NOT NULL REFERENCES cowbench.run ON DELETE CASCADE,
    cell smallint NOT NULL,
    control boolean NOT NULL,
    place integer NOT NULL,
    wall_ns bigint NOT NULL,
    flush_ns bigint,
    PRIMARY KEY (run_id, cell, control, place)
  );

  CREATE TABLE cowbench.metric_series (
    series integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workload text NOT NULL,
    cell text NOT NULL,
    metric text NOT NULL,
    UNIQUE (workload, cell, metric)
  );
  CREATE TABLE cowbench.metric (
    series integer NOT NULL REFERENCES cowbench.metric_series,
    run_id text NOT NULL REFERENCES cowbench.run ON DELETE CASCADE,
    value double precision NOT NULL,
    PRIMARY KEY (series, run_id)
  );
  CREATE INDEX metric_run ON cowbench.metric (run_id);

  CREATE TABLE cowbench.attachment (
    run_id text NOT NULL REFERENCES cowbench.run ON DELETE CASCADE,
    name text NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (run_id, name)
  );

  CREATE TABLE cowbench.part (
    work text NOT NULL,
    shard integer NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (work, shard)
  );

  CREATE TABLE cowbench.worker (
    worker text PRIMARY KEY,
    labels text[] NOT NULL,
    doing text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
  );
  `,
  `
  -- Samples of runs that are being measured: the documents of the others have theirs.
  CREATE TABLE cowbench.sample_line (
    run_id text NOT NULL REFERENCES cowbench.run ON DELETE CASCADE,
    cell smallint NOT NULL,
    control boolean NOT NULL,
    place integer NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (run_id, cell, control, place)
  );
  `,
  `
  -- A series is read from one index, in its order: joined with its runs, one of 10 000 points took four times as long.
  ALTER TABLE cowbench.metric ADD started_at timestamptz, ADD started_text text, ADD machine text, ADD commit_hash text;
  DELETE FROM cowbench.metric m USING cowbench.run r WHERE r.run_id = m.run_id AND r.status <> 'complete';
  UPDATE cowbench.metric m
    SET started_at = r.started_at, started_text = r.started_text, machine = r.machine, commit_hash = r.commit_hash
    FROM cowbench.run r WHERE r.run_id = m.run_id;
  ALTER TABLE cowbench.metric
    ALTER started_at SET NOT NULL, ALTER started_text SET NOT NULL, ALTER machine SET NOT NULL;
  CREATE INDEX metric_course ON cowbench.metric (series, started_at, run_id)
    INCLUDE (started_text, machine, commit_hash, value);
  `,
];

/** What each role may do, said again after each migration. Roles belong to the whole server, so they may be there already. */
export const GRANTS = `
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cowbench_worker') THEN CREATE ROLE cowbench_worker NOLOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cowbench_reader') THEN CREATE ROLE cowbench_reader NOLOGIN; END IF;
  END $$;
  GRANT USAGE ON SCHEMA cowbench TO cowbench_worker, cowbench_reader;
  GRANT SELECT ON ALL TABLES IN SCHEMA cowbench TO cowbench_worker, cowbench_reader;
  GRANT INSERT, UPDATE ON cowbench.run, cowbench.sample, cowbench.metric_series, cowbench.metric,
    cowbench.attachment, cowbench.part, cowbench.worker, cowbench.sample_line TO cowbench_worker;
  GRANT DELETE ON cowbench.sample_line TO cowbench_worker;
  GRANT USAGE ON SCHEMA cowbench_queue TO cowbench_worker, cowbench_reader;
  GRANT SELECT ON ALL TABLES IN SCHEMA cowbench_queue TO cowbench_reader;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cowbench_queue TO cowbench_worker;
  GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cowbench_queue TO cowbench_worker;
`;

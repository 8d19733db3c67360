/**
 * Step n makes version n out of version n - 1. Released steps never change. Times are milliseconds
 * since 1970, sizes are bytes.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE repositories (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE -- with its registry: docker.io/library/node
  ) STRICT;

  CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories,
    tag           TEXT NOT NULL,
    digest        TEXT NOT NULL,
    checked_at    INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, tag)
  ) STRICT, WITHOUT ROWID;

  -- With a rowid: bytes are long, and would make the tree of digests deep.
  CREATE TABLE manifests (
    digest     TEXT NOT NULL PRIMARY KEY,
    media_type TEXT NOT NULL,
    bytes      BLOB NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX manifests_by_use ON manifests (used_at);

  CREATE TABLE blobs (
    digest     TEXT NOT NULL PRIMARY KEY,
    size       INTEGER NOT NULL,
    checked_at INTEGER, -- NULL: found on disk, not hashed yet
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX blobs_by_use ON blobs (used_at);

  -- What a repository may read, manifests and blobs alike, whether it is here or not.
  CREATE TABLE links (
    repository_id  INTEGER NOT NULL REFERENCES repositories,
    digest         TEXT NOT NULL,
    described_size INTEGER, -- as the descriptor in a linked manifest says
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest)
  ) STRICT, WITHOUT ROWID;

  -- Work that must not be forgotten when the process dies over it.
  CREATE TABLE pending_work (
    name TEXT NOT NULL PRIMARY KEY
  ) STRICT, WITHOUT ROWID;
  INSERT INTO pending_work VALUES ('record stored blobs');
  `,
  `
  ALTER TABLE manifests ADD COLUMN subject TEXT; -- the manifest it is about: it is a referrer of it
  -- Walks up and down need no document's page: few manifests have a subject, and these say which.
  CREATE INDEX manifests_by_subject ON manifests (subject, digest) WHERE subject IS NOT NULL;
  CREATE INDEX manifests_with_subject ON manifests (digest, subject) WHERE subject IS NOT NULL;

  -- What a stored manifest refers to: config and layers, or an index's children.
  CREATE TABLE manifest_references (
    manifest TEXT NOT NULL, -- its digest
    digest   TEXT NOT NULL,
    PRIMARY KEY (manifest, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifest_references_by_digest ON manifest_references (digest);

  -- A document that is no JSON is a damaged one: it goes when it is asked for.
  WITH documents AS (
    SELECT digest, CASE WHEN json_valid(CAST(bytes AS TEXT)) THEN CAST(bytes AS TEXT) END AS document
    FROM manifests
  ), descriptors AS (
    SELECT digest AS manifest, value FROM documents, json_each(document, '$.layers')
    UNION ALL
    SELECT digest, value FROM documents, json_each(document, '$.manifests')
    UNION ALL
    SELECT digest, json_extract(document, '$.config') FROM documents
  ), described AS (
    SELECT manifest, json_extract(CASE WHEN json_valid(value) THEN value END, '$.digest') AS digest
    FROM descriptors
  )
  INSERT OR IGNORE INTO manifest_references (manifest, digest)
  SELECT manifest, digest FROM described WHERE typeof(digest) = 'text';

  UPDATE manifests SET subject = json_extract(CAST(bytes AS TEXT), '$.subject.digest')
  WHERE CASE WHEN json_valid(CAST(bytes AS TEXT))
    THEN json_type(CAST(bytes AS TEXT), '$.subject.digest') = 'text' END;

  CREATE INDEX links_by_digest ON links (digest);
  CREATE INDEX tags_by_digest ON tags (digest);

  -- Walks by use and by check go on in the middle of what has the same time.
  DROP INDEX manifests_by_use;
  CREATE INDEX manifests_by_use ON manifests (used_at, digest);
  DROP INDEX blobs_by_use;
  CREATE INDEX blobs_by_use ON blobs (used_at, digest);
  CREATE INDEX blobs_by_check ON blobs (checked_at, digest);

  -- One row, kept by the triggers: adding up all blobs would keep requests waiting.
  CREATE TABLE blob_totals (
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO blob_totals SELECT count(*), coalesce(sum(size), 0) FROM blobs;
  CREATE TRIGGER blob_added AFTER INSERT ON blobs BEGIN
    UPDATE blob_totals SET count = count + 1, bytes = bytes + new.size;
  END;
  CREATE TRIGGER blob_removed AFTER DELETE ON blobs BEGIN
    UPDATE blob_totals SET count = count - 1, bytes = bytes - old.size;
  END;
  CREATE TRIGGER blob_resized AFTER UPDATE OF size ON blobs BEGIN
    UPDATE blob_totals SET bytes = bytes - old.size + new.size;
  END;

  CREATE TABLE pins (
    repository_id INTEGER NOT NULL REFERENCES repositories,
    reference     TEXT NOT NULL, -- tag or digest
    created_at    INTEGER NOT NULL,
    until         INTEGER, -- NULL: until it is removed
    note          TEXT,
    PRIMARY KEY (repository_id, reference)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pins_by_reference ON pins (reference);

  CREATE TABLE traffic (
    day           INTEGER NOT NULL, -- its start, UTC
    repository_id INTEGER NOT NULL, -- 0: of no repository
    kind          TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    requests      INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    PRIMARY KEY (day, repository_id, kind, outcome)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE intake (
    day   INTEGER NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL -- from upstreams
  ) STRICT;
  `,
];

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
];

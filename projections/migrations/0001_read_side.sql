-- How far each projection has come, written in the transaction of its rows. A position of -1 is
-- the beginning of the log.
CREATE TABLE checkpoints (
    projection TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    store TEXT NOT NULL,
    position BIGINT NOT NULL
);

-- The current state of every aggregate of every collection. `body` is the JSON that the API shows,
-- without links; `updated` is in milliseconds since the Unix epoch.
CREATE TABLE resources (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    revision BIGINT NOT NULL,
    position BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
);

CREATE INDEX resources_by_owner ON resources (collection, owner, id);

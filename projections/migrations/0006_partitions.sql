-- How far each partition of a projection has come: what was one row is eight at the same position.
-- `applied` counts over all of them.
ALTER TABLE checkpoints RENAME TO whole_checkpoints;

CREATE TABLE checkpoints (
    projection TEXT NOT NULL,
    partition BIGINT NOT NULL,
    version BIGINT NOT NULL,
    store TEXT NOT NULL,
    position BIGINT NOT NULL,
    applied BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (projection, partition)
);

INSERT INTO checkpoints (projection, partition, version, store, position, applied)
SELECT w.projection, p.number, w.version, w.store, w.position, CASE WHEN p.number = 0 THEN w.applied ELSE 0 END
FROM whole_checkpoints AS w CROSS JOIN (
    SELECT 0 AS number UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
    UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
) AS p;

DROP TABLE whole_checkpoints;

-- Who works on a partition, and until when (milliseconds of the database's clock). `token` grows
-- whenever it changes hands.
DROP TABLE leases;

CREATE TABLE leases (
    projection TEXT NOT NULL,
    partition BIGINT NOT NULL,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (projection, partition)
);

-- Who takes part in a projection, and until when: what a fair share is.
CREATE TABLE members (
    projection TEXT NOT NULL,
    holder TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (projection, holder)
);

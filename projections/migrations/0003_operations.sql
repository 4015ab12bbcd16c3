-- Events that wait: the first of a key could not be applied, the others wait behind it. `projection`
-- is the name of the rows that they are missing from.
CREATE TABLE parked (
    projection TEXT NOT NULL,
    id TEXT NOT NULL,
    position BIGINT NOT NULL,
    stream TEXT NOT NULL,
    revision BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (projection, id, position)
);

-- Who may work on a part of a projection, and until when (milliseconds of the database's clock).
-- `token` grows whenever it changes hands.
CREATE TABLE leases (
    slot TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

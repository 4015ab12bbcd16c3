-- Events that an operator left out of the rows of a projection for good: rows made anew leave them
-- out too.
CREATE TABLE skipped (
    projection TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (projection, position)
);

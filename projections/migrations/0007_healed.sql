-- Rows that an operator healed, which open pages do not find by their position: it is that of an event
-- long past. `position` is where the projection was then, `number` grows with every row of a projection.
CREATE TABLE healed (
    projection TEXT NOT NULL,
    id TEXT NOT NULL,
    position BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (projection, id)
);

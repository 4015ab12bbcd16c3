-- How many events the rows were made from, moved with the checkpoint: more than the log has of
-- interest up to there would be doubled, fewer lost.
ALTER TABLE checkpoints ADD COLUMN applied BIGINT NOT NULL DEFAULT 0;

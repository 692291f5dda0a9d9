-- A version that was in force when the province signed it is in force here at once, whatever this machine's clock says.
ALTER TABLE directory ADD COLUMN signed_at INTEGER NOT NULL DEFAULT 0;

-- Since when a number of the series is known at the province: asked at every contact.
ALTER TABLE allotment ADD COLUMN used_at INTEGER;
CREATE INDEX allotment_by_machine ON allotment (machine) WHERE released_at IS NULL;

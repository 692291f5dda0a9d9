-- A version that was in force when the province signed it is in force here at once, whatever this machine's clock says.
ALTER TABLE directory ADD COLUMN signed_at INTEGER NOT NULL DEFAULT 0;

-- Since when a number of the series is known at the province, and in which order series were given, whatever the
-- clocks said: asked at every contact.
ALTER TABLE allotment ADD COLUMN used_at INTEGER;
ALTER TABLE allotment ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
CREATE INDEX allotment_by_machine ON allotment (machine) WHERE released_at IS NULL;

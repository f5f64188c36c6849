-- The label in natural order (text::natural_key), to be sorted by: digits are compared as numbers. `label_key` stays the
-- folded label, to be searched in.
ALTER TABLE sim ADD COLUMN label_sort TEXT NOT NULL DEFAULT '';
DROP INDEX sim_label;
UPDATE sim SET label_sort = natural_key(label) WHERE label <> '';
CREATE INDEX sim_label ON sim(label_sort);

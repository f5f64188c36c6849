-- Tags and categories by name, for filters; the SIM's own text stays the truth. `kind` 0 is a tag, 1 a category;
-- `name` is folded. Kept by triggers, so that no statement that writes SIMs can forget it.
CREATE TABLE sim_tag (
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  sim_id INTEGER NOT NULL,
  PRIMARY KEY (kind, name, sim_id)
) WITHOUT ROWID;
INSERT INTO sim_tag SELECT 0, j.value, s.id FROM sim s, json_each(list_keys(s.tags)) j WHERE s.tags <> '';
INSERT INTO sim_tag SELECT 1, j.value, s.id FROM sim s, json_each(list_keys(s.categories)) j WHERE s.categories <> '';
CREATE TRIGGER sim_tag_added AFTER INSERT ON sim WHEN new.tags <> '' OR new.categories <> '' BEGIN
  INSERT INTO sim_tag SELECT 0, value, new.id FROM json_each(list_keys(new.tags))
    UNION ALL SELECT 1, value, new.id FROM json_each(list_keys(new.categories));
END;
CREATE TRIGGER sim_tag_changed AFTER UPDATE OF tags, categories ON sim
  WHEN new.tags <> old.tags OR new.categories <> old.categories BEGIN
  DELETE FROM sim_tag WHERE sim_id = old.id AND (kind, name) IN (
    SELECT 0, value FROM json_each(list_keys(old.tags)) UNION ALL SELECT 1, value FROM json_each(list_keys(old.categories)));
  INSERT INTO sim_tag SELECT 0, value, new.id FROM json_each(list_keys(new.tags))
    UNION ALL SELECT 1, value, new.id FROM json_each(list_keys(new.categories));
END;
CREATE TRIGGER sim_tag_gone AFTER DELETE ON sim WHEN old.tags <> '' OR old.categories <> '' BEGIN
  DELETE FROM sim_tag WHERE sim_id = old.id AND (kind, name) IN (
    SELECT 0, value FROM json_each(list_keys(old.tags)) UNION ALL SELECT 1, value FROM json_each(list_keys(old.categories)));
END;

-- What filters ask for and lists are pasted of.
CREATE INDEX sim_tariff ON sim(tariff);
CREATE INDEX sim_imsi ON sim(imsi);
CREATE INDEX sim_msisdn ON sim(msisdn);

-- Filters a user keeps: theirs alone, and no part of the estate's history. `body` is JSON; `digit` is the key that
-- calls it, 0 for none.
CREATE TABLE saved_filter (
  user_id INTEGER NOT NULL REFERENCES user(id),
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  place INTEGER NOT NULL,
  digit INTEGER NOT NULL DEFAULT 0,
  body TEXT NOT NULL,
  PRIMARY KEY (user_id, key)
) WITHOUT ROWID;

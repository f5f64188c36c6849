-- Account names differ by accents: `key` is the case-folded name, unique among siblings. Keys become finer, so no account
-- merges with another or changes its place. Siblings that an older comparison told apart and this one does not (a final
-- sigma) keep both rows: the later one has its number appended.
DROP INDEX account_sibling;
UPDATE account SET key = case_fold(name);
UPDATE account SET key = key || char(10) || id FROM
  (SELECT id AS twin, row_number() OVER (PARTITION BY ifnull(parent_id, 0), key ORDER BY id) AS n FROM account)
  WHERE id = twin AND n > 1;
CREATE UNIQUE INDEX account_sibling ON account(ifnull(parent_id, 0), key);

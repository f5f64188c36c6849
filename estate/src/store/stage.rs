//! Imports: rows are staged in a temporary file outside the write lock, judged there, and applied
//! in one transaction.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::ControlFlow;

use rusqlite::{params, params_from_iter};
use serde_json::json;

use super::inherited::{Of, fill_ceilings, fill_rules};
use super::read::View;
use super::sql::Sql;
use super::staged::{NO_STATE, Paths, columns, stage};
use super::{accounts, ceilings, log};
use crate::change::Counts;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Rev};
use crate::import::options::{ImportOptions, ImportSummary, Note, NoteSink, OnDuplicate};
use crate::import::{ImportField, SimRow, Source};
use crate::progress::{OnProgress, Progress};
use crate::store::connection::Database;
use crate::store::level_columns::{derive_gate, piece};
use crate::units::{Time, describe_bytes};

/// Rows between two reports of progress.
const CHUNK: i64 = 5_000;
/// Page cache while staging and applying, in KiB.
const CACHE_KIB: i64 = 48_000;

const TABLES: &str = "
CREATE TEMP TABLE stage (
  line INTEGER PRIMARY KEY, verdict INTEGER NOT NULL DEFAULT 0, sim_id INTEGER,
  iccid TEXT NOT NULL, iccid_key TEXT NOT NULL, iccid_rev TEXT NOT NULL, imsi TEXT NOT NULL, msisdn TEXT NOT NULL,
  eid TEXT NOT NULL, imei TEXT NOT NULL, label TEXT NOT NULL, label_key TEXT NOT NULL, label_sort TEXT NOT NULL,
  account_id INTEGER NOT NULL,
  lifecycle INTEGER NOT NULL, suspended INTEGER NOT NULL, managed INTEGER NOT NULL, gate INTEGER NOT NULL,
  in_session INTEGER NOT NULL, network TEXT NOT NULL, tariff TEXT NOT NULL, used INTEGER NOT NULL,
  cap INTEGER NOT NULL, alert INTEGER NOT NULL, hard_cap INTEGER NOT NULL, usage_as_of INTEGER NOT NULL,
  seen INTEGER NOT NULL, activated INTEGER NOT NULL, tags TEXT NOT NULL, categories TEXT NOT NULL,
  notes TEXT NOT NULL, recipients TEXT NOT NULL, auth INTEGER NOT NULL, desired INTEGER NOT NULL,
  back_cap INTEGER NOT NULL, back_alert INTEGER NOT NULL, back_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX temp.stage_key ON stage(iccid_key);
";

const NEW: i64 = 0;
const UNCHANGED: i64 = 1;
const UPDATED: i64 = 2;
const REFUSED: i64 = 3;

/// The columns of `sim` that come straight from `stage`.
const COPIED: &str = "iccid, iccid_key, iccid_rev, imsi, msisdn, eid, imei, label, label_key, label_sort, account_id, lifecycle, \
    suspended, managed, gate, in_session, network, tariff, used, cap, alert, hard_cap, usage_as_of, seen, activated, \
    tags, categories, notes, recipients, auth, desired, back_cap, back_alert, back_at";

/// What has been read and waits to be brought in, on a connection of its own.
pub(crate) trait Incoming: Send {
    /// The connection, to begin the transaction on.
    fn session(&self) -> &Database;
    /// What has to be there before the transaction.
    fn begin(&self) -> Result<()> {
        Ok(())
    }
    /// Judges again inside the transaction: nothing may have changed since the report.
    fn confirm(&mut self) -> Result<()>;
    /// The log's word for it.
    fn kind(&self) -> &'static str;
    /// Rows that were read.
    fn total(&self) -> u64;
    /// What becomes of the SIMs.
    fn counts(&self) -> Counts;
    /// The body of the change in the log.
    fn body(&self) -> serde_json::Value;
    /// Brings it in; the log row exists already.
    fn carry_out(&self, rev: Rev, now: Time, watch: &OnProgress<'_>) -> Result<()>;
}

/// A staged import, with a connection of its own.
pub(crate) struct Staging {
    session: Database,
    pub tally: ImportSummary,
    /// Accounts to be made: number below zero, parent, name.
    new_accounts: Vec<(i64, i64, String)>,
    /// Columns of `sim` that the file speaks of.
    columns: Vec<&'static str>,
    /// Whether the file states a status, usage, a cap, an alert: what the gate follows from.
    gated: bool,
    stated: bool,
    /// Whether a new cap brings its default alert along.
    default_alert: bool,
    on_duplicate: OnDuplicate,
    /// The revision the rows were compared with.
    at: Rev,
}

impl Staging {
    /// Reads a file into the staging table and judges it.
    pub fn read(
        session: Database,
        view: &View<'_>,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<Self> {
        session.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // The staging table has a cache of its own; a second thread sorts while indexes are built.
        session.pragma_update(Some("temp"), "cache_size", -CACHE_KIB)?;
        session.pragma_update(None, "threads", 2)?;
        session.execute_batch(TABLES)?;
        let under = options.under.unwrap_or_else(|| view.scope.top());
        view.accounts.need(under)?;
        let mut paths = Paths::new(&view.accounts, under, !options.no_create_accounts);
        let tick = survey_reporter(watch);
        let mut source = Source::open_sims(input, options, notes, &tick)?;
        let columns = columns(source.mapping());
        let mut tally = ImportSummary::default();
        session.execute_batch("BEGIN")?;
        let mut take = |line, row: Option<SimRow>, notes: &mut NoteSink<'_>| {
            tally.rows += 1;
            let doubtful = row.as_ref().is_some_and(|r| r.doubtful);
            let incomplete = row.as_ref().is_some_and(|r| r.incomplete);
            let row = row.filter(|_| {
                !incomplete || options.on_duplicate != OnDuplicate::Update || {
                    let (column, value) = (String::new(), String::new());
                    let reason = "an update would erase the stored value".to_owned();
                    notes(Note { line, column, value, reason, refused: true });
                    false
                }
            });
            let staged = match row {
                Some(row) => stage(&session, line, &row, &mut paths, options.on_duplicate, notes)?,
                None => false,
            };
            tally.doubtful += u64::from(doubtful && staged);
            tally.incomplete += u64::from(incomplete && staged);
            tally.refused += u64::from(!staged);
            if tally.rows.is_multiple_of(5_000) {
                report(watch, "reading", tally.rows, 0)?;
            }
            Ok(())
        };
        source.each(notes, &mut take)?;
        session.execute_batch("COMMIT")?;
        (tally.empty, tally.skipped) = (source.empty(), source.skipped);
        tally.portal = source.mapping().portal.as_ref().map(|portal| portal.title.clone());
        tally.accounts = paths.new.len() as u64;
        let new_accounts = paths.new;
        let has = |field| source.mapping().has(field);
        let mut staging = Self {
            gated: [ImportField::Used, ImportField::Cap, ImportField::Alert, ImportField::Status]
                .into_iter()
                .any(has),
            stated: has(ImportField::Status),
            default_alert: has(ImportField::Cap) && !has(ImportField::Alert),
            at: session.rev()?,
            session,
            tally,
            new_accounts,
            columns,
            on_duplicate: options.on_duplicate,
        };
        staging.judge(Some(notes))?;
        Ok(staging)
    }

    /// Compares the staged rows with what the store holds.
    fn judge(&mut self, notes: Option<&mut NoteSink<'_>>) -> Result<()> {
        let mut same: Vec<String> = self.columns.iter().map(|c| format!("s.{c} = t.{c}")).collect();
        if self.stated {
            same.push("t.gate <= s.gate".to_owned());
        }
        let same = if same.is_empty() { "1".to_owned() } else { same.join(" AND ") };
        let differing = if self.on_duplicate == OnDuplicate::Update { UPDATED } else { REFUSED };
        self.session
            .execute_batch("UPDATE temp.stage SET verdict = 0, sim_id = NULL WHERE verdict <> 0")?;
        self.fill_states()?;
        let mut notes = notes;
        self.hold(notes.as_deref_mut())?;
        let sql = format!(
            "UPDATE temp.stage AS t SET sim_id = s.id, verdict = CASE WHEN {same} THEN {UNCHANGED} ELSE {differing} END \
             FROM sim s WHERE s.iccid_key = t.iccid_key"
        );
        self.session.execute(&sql, [])?;
        let count = |verdict: i64| -> Result<u64> {
            let sql = "SELECT count(*) FROM temp.stage WHERE verdict = ?";
            Ok(self.session.query_row(sql, [verdict], |r| r.get::<_, i64>(0))? as u64)
        };
        let known = count(REFUSED)?;
        if known > 0 && self.on_duplicate == OnDuplicate::Fail {
            return Err(Error::Conflict(format!("{known} of the ICCIDs are in the estate already")));
        }
        let (added, unchanged, updated) = (count(NEW)?, count(UNCHANGED)?, count(UPDATED)?);
        let accounts = self.needed_accounts()?.len() as u64;
        self.tally = ImportSummary { added, updated, unchanged, accounts, ..self.tally.clone() };
        if let Some(notes) = notes {
            self.tally.refused += known;
            self.note_known(notes)?;
        }
        Ok(())
    }

    /// Gives rows without a status the state of the known SIM; a new SIM is inactive.
    fn fill_states(&self) -> Result<()> {
        self.session.execute_batch(&format!(
            "UPDATE temp.stage AS t SET lifecycle = s.lifecycle, suspended = s.suspended, managed = s.managed \
             FROM sim s WHERE s.iccid_key = t.iccid_key AND t.lifecycle = {NO_STATE}; \
             UPDATE temp.stage SET lifecycle = 0 WHERE lifecycle = {NO_STATE}"
        ))?;
        Ok(())
    }

    /// Caps above the ceiling of the account a row goes to are held to it before anything is
    /// compared.
    fn hold(&mut self, notes: Option<&mut NoteSink<'_>>) -> Result<()> {
        if !fill_ceilings(&self.session, &Of::All)? {
            return Ok(());
        }
        for (id, parent, _) in &self.new_accounts {
            let sql = "INSERT OR REPLACE INTO temp.ceiling SELECT ?, bytes FROM temp.ceiling WHERE account_id = ?";
            self.session.prepare_cached(sql)?.execute(params![id, parent])?;
        }
        // Without a column for it, SIMs stay in the accounts they are in.
        let goes_to = if self.columns.contains(&"account_id") {
            "s.account_id"
        } else {
            "ifnull((SELECT x.account_id FROM sim x WHERE x.iccid_key = s.iccid_key), s.account_id)"
        };
        let told = self.columns.contains(&"cap");
        let meant = if told {
            ""
        } else {
            "NOT EXISTS (SELECT 1 FROM sim x WHERE x.iccid_key = s.iccid_key) AND "
        };
        let over = format!(
            "{meant}c.account_id = {goes_to} AND s.managed AND s.lifecycle <> 3 AND NOT s.cap BETWEEN 1 AND c.bytes"
        );
        if let Some(notes) = notes.filter(|_| told) {
            let sql = format!(
                "SELECT s.line, s.cap, c.bytes FROM temp.stage s JOIN temp.ceiling c WHERE {over} ORDER BY 1"
            );
            let mut statement = self.session.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let bytes = |at| row.get::<_, i64>(at).map(|n| describe_bytes(n.unsigned_abs()));
                let reason = format!("is above the ceiling of its account: it becomes {}", bytes(2)?);
                let (line, value) = (row.get::<_, i64>(0)? as u64, bytes(1)?);
                notes(Note { line, column: "Cap".into(), value, reason, refused: false });
            }
        }
        let held = ceilings::limit_to_ceiling(&Sql::new("c.bytes"));
        let sql = piece(
            &[
                ("UPDATE temp.stage AS s SET cap = (", &held.cap),
                ("), alert = (", &held.alert),
                ("), gate = max(s.gate, (", &derive_gate(&held.cap, &held.alert)),
            ],
            &format!(")) FROM temp.ceiling c WHERE {over}"),
        );
        let held = self.session.execute(&sql.text, params_from_iter(&sql.params))?;
        self.tally.held = self.tally.held.max(held as u64);
        Ok(())
    }

    /// The accounts that have to be made: those that rows which come in name, and what lies above
    /// them.
    fn needed_accounts(&self) -> Result<BTreeSet<i64>> {
        let sql = format!(
            "SELECT DISTINCT account_id FROM temp.stage WHERE account_id < 0 AND verdict IN ({NEW}, {UPDATED})"
        );
        let mut statement = self.session.prepare(&sql)?;
        let named =
            statement.query_map([], |r| r.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut needed = BTreeSet::new();
        for mut id in named {
            while id < 0 && needed.insert(id) {
                id = self.new_accounts.get((-id - 1) as usize).map_or(0, |(_, parent, _)| *parent);
            }
        }
        Ok(needed)
    }

    fn note_known(&self, notes: &mut NoteSink<'_>) -> Result<()> {
        let sql = format!("SELECT line, iccid FROM temp.stage WHERE verdict = {REFUSED} ORDER BY line");
        let mut statement = self.session.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            notes(Note {
                line: row.get::<_, i64>(0)? as u64,
                column: "ICCID".into(),
                value: row.get(1)?,
                reason: "differs from the stored SIM; --on-duplicate update would change it".into(),
                refused: true,
            });
        }
        Ok(())
    }

    fn create_account(&self, placeholder: i64) -> Result<i64> {
        let sql = "SELECT id FROM temp.made WHERE placeholder = ?";
        Ok(self.session.prepare_cached(sql)?.query_row([placeholder], |r| r.get(0))?)
    }
}

impl Incoming for Staging {
    fn session(&self) -> &Database {
        &self.session
    }

    /// Prepares the table that says which accounts were made for which placeholder.
    fn begin(&self) -> Result<()> {
        Ok(self.session.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS made (placeholder INTEGER PRIMARY KEY, id INTEGER NOT NULL); \
             DELETE FROM temp.made",
        )?)
    }

    fn kind(&self) -> &'static str {
        "import"
    }

    fn total(&self) -> u64 {
        self.tally.rows
    }

    fn counts(&self) -> Counts {
        let t = &self.tally;
        Counts {
            done: t.added + t.updated,
            unchanged: t.unchanged,
            refused: t.refused,
            ..Counts::default()
        }
    }

    fn body(&self) -> serde_json::Value {
        let t = &self.tally;
        json!({ "rows": t.rows, "added": t.added, "updated": t.updated, "unchanged": t.unchanged,
                "refused": t.refused, "doubtful": t.doubtful, "accounts": t.accounts })
    }

    fn confirm(&mut self) -> Result<()> {
        let before = self.tally.clone();
        self.judge(None)?;
        let now = &self.tally;
        if (before.added, before.updated, before.unchanged) != (now.added, now.updated, now.unchanged) {
            return Err(Error::Drift {
                expected: before.added + before.updated,
                found: now.added + now.updated,
            });
        }
        let exists = |sql: &str| self.session.query_row(sql, [], |r| r.get::<_, bool>(0));
        let touched = format!(
            "SELECT EXISTS (SELECT 1 FROM temp.stage t JOIN sim s ON s.id = t.sim_id WHERE t.verdict = {UPDATED} \
             AND s.version > {})",
            self.at
        );
        if exists(&touched)? {
            return Err(Error::Conflict(
                "SIMs of this import were changed since it was read; read it again".into(),
            ));
        }
        let gone = "SELECT EXISTS (SELECT 1 FROM temp.stage t LEFT JOIN account a ON a.id = t.account_id \
                    WHERE t.account_id > 0 AND a.id IS NULL)";
        if exists(gone)? {
            return Err(Error::Conflict("an account of this import is gone; read it again".into()));
        }
        Ok(())
    }

    fn carry_out(&self, rev: Rev, now: Time, watch: &OnProgress<'_>) -> Result<()> {
        let needed = self.needed_accounts()?;
        for (placeholder, parent, name) in self.new_accounts.iter().filter(|(id, ..)| needed.contains(id))
        {
            let parent = AccountId(if *parent < 0 { self.create_account(*parent)? } else { *parent });
            let id = accounts::insert(&self.session, Some(parent), name, rev, now)?;
            let sql = "INSERT INTO temp.made (placeholder, id) VALUES (?, ?)";
            self.session.prepare_cached(sql)?.execute(params![placeholder, id.0])?;
        }
        self.session.execute_batch(
            "UPDATE temp.stage SET account_id = (SELECT id FROM temp.made WHERE placeholder = account_id) \
             WHERE account_id IN (SELECT placeholder FROM temp.made)",
        )?;
        self.add(rev, watch)?;
        self.update(rev, now)?;
        self.settle(rev)
    }
}

impl Staging {
    /// Adds the new SIMs. A first large import builds the indexes afterwards, in one go each.
    fn add(&self, rev: Rev, watch: &OnProgress<'_>) -> Result<()> {
        let known: i64 =
            self.session
                .query_row("SELECT count(*) FROM (SELECT 1 FROM sim LIMIT 100000)", [], |r| r.get(0))?;
        let rebuild = self.tally.added as i64 > 20_000 && known < self.tally.added as i64 / 4;
        // What a SIM brings along has been told where it comes from.
        let reached = super::events::bits().text;
        let indexes = if rebuild { drop_indexes(&self.session)? } else { Vec::new() };
        let sql = format!(
            "INSERT INTO sim ({COPIED}, fired, created_rev, version) SELECT {COPIED}, {reached}, ?1, ?1 \
             FROM temp.stage s WHERE verdict = {NEW} AND line > ?2 AND line <= ?3"
        );
        let top: i64 =
            self.session.query_row("SELECT ifnull(max(line), 0) FROM temp.stage", [], |r| r.get(0))?;
        let (mut last, mut done) = (0, 0);
        while last < top {
            done += self.session.prepare_cached(&sql)?.execute(params![rev, last, last + CHUNK])? as u64;
            last += CHUNK;
            report(watch, "adding", done, self.tally.added)?;
        }
        let total = indexes.len() as u64;
        for (done, index) in indexes.into_iter().enumerate() {
            report(watch, "indexing", done as u64, total)?;
            self.session.execute_batch(&index)?;
        }
        if rebuild {
            self.session.execute_batch(TAGS)?;
        }
        Ok(())
    }

    fn update(&self, rev: Rev, now: Time) -> Result<()> {
        if self.tally.updated == 0 {
            return Ok(());
        }
        let to = if self.columns.contains(&"account_id") { "t.account_id" } else { "s.account_id" };
        let sql = format!(
            "INSERT INTO log_item SELECT ?1, s.id, 0, 0, s.account_id, {to}, NULL FROM temp.stage t \
             JOIN sim s ON s.id = t.sim_id WHERE t.verdict = {UPDATED}"
        );
        self.session.execute(&sql, [rev])?;
        let set: Vec<String> = self.columns.iter().map(|c| format!("{c} = t.{c}")).collect();
        let alert = "alert = CASE WHEN t.cap <> s.cap THEN t.alert ELSE s.alert END";
        let alert = if self.default_alert { format!(", {alert}") } else { String::new() };
        // A cap that the file states is the cap from now on.
        let raise = if self.columns.contains(&"back_cap") {
            ""
        } else if self.columns.contains(&"cap") {
            ", back_cap = iif(t.cap <> s.cap, -1, s.back_cap), back_at = iif(t.cap <> s.cap, 0, s.back_at)"
        } else {
            ""
        };
        // A state that the file states was not set here.
        let state = if self.stated {
            ", state_rev = iif(t.lifecycle <> s.lifecycle OR t.suspended <> s.suspended, 0, s.state_rev), \
             suspended_by = iif(t.suspended AND s.suspended, s.suspended_by, 0)"
        } else {
            ""
        };
        // And so is an alert.
        let kept = if self.columns.contains(&"alert") && !self.columns.contains(&"back_alert") {
            ", back_alert = iif(t.alert <> s.alert, t.alert, s.back_alert)"
        } else {
            ""
        };
        let sql = format!(
            "UPDATE sim AS s SET version = ?1{}{alert}{raise}{kept}{state} FROM temp.stage t WHERE s.id = t.sim_id AND t.verdict = {UPDATED}",
            set.iter().map(|s| format!(", {s}")).collect::<String>(),
        );
        self.session.execute(&sql, [rev])?;
        // Who was brought under a ceiling, or has come to be managed, is held to it.
        let which = format!("s.id IN (SELECT sim_id FROM temp.stage WHERE verdict = {UPDATED})");
        let held = if fill_ceilings(&self.session, &Of::All)? {
            ceilings::tighten(&self.session, rev, &Sql::new(&which))?
        } else {
            0
        };
        if self.gated || held > 0 {
            // From what is stored now: the file may have told of one of the levels only.
            let stated = if self.stated { "t.gate" } else { "0" };
            let derived = derive_gate(&Sql::new("s.cap"), &Sql::new("s.alert")).text;
            self.session.execute_batch(&format!(
                "UPDATE sim AS s SET gate = max({stated}, {derived}) FROM temp.stage t \
                 WHERE s.id = t.sim_id AND t.verdict = {UPDATED}"
            ))?;
            let accounts = format!(
                "SELECT DISTINCT account_id FROM sim WHERE id IN \
                 (SELECT sim_id FROM temp.stage WHERE verdict = {UPDATED})"
            );
            fill_rules(&self.session, &Of::Selected(&Sql::new(accounts)))?;
            super::events::settle(&self.session, &Sql::new(which), now)?;
        }
        super::textindex::refresh(
            &self.session,
            &format!("SELECT sim_id FROM temp.stage WHERE verdict = {UPDATED}"),
        )
    }

    /// Brings the accounts' counts in line and notes which accounts got SIMs.
    fn settle(&self, rev: Rev) -> Result<()> {
        self.session.execute_batch(&format!(
            "UPDATE account SET sims = sims + g.n FROM (SELECT account_id AS a, count(*) AS n FROM temp.stage \
             WHERE verdict = {NEW} GROUP BY 1) g WHERE account.id = g.a"
        ))?;
        for (sign, column) in [("-", "from_account"), ("+", "to_account")] {
            self.session.execute(
                &format!(
                    "UPDATE account SET sims = sims {sign} g.n FROM (SELECT {column} AS a, count(*) AS n FROM log_item \
                     WHERE rev = ? AND from_account <> to_account GROUP BY 1) g WHERE account.id = g.a"
                ),
                [rev],
            )?;
        }
        // What came in, what changed where it is, what was taken from one account to another.
        for (side, sql) in [
            (
                1,
                format!(
                    "SELECT account_id AS a, count(*) AS n FROM temp.stage WHERE verdict = {NEW} GROUP BY 1"
                ),
            ),
            (
                1,
                "SELECT to_account AS a, count(*) AS n FROM log_item WHERE rev = ?1 GROUP BY 1"
                    .to_owned(),
            ),
            (
                0,
                "SELECT from_account AS a, count(*) AS n FROM log_item WHERE rev = ?1 GROUP BY 1"
                    .to_owned(),
            ),
        ] {
            let sql = format!(
                "INSERT INTO log_account SELECT ?1, g.a, {side}, g.n FROM ({sql}) g WHERE true \
                 ON CONFLICT DO UPDATE SET sims = sims + excluded.sims"
            );
            self.session.execute(&sql, [rev])?;
        }
        for (_, id) in self.made_accounts()? {
            log::touch_if_absent(&self.session, rev, AccountId(id))?;
        }
        Ok(())
    }

    fn made_accounts(&self) -> Result<Vec<(i64, i64)>> {
        let mut statement = self.session.prepare("SELECT placeholder, id FROM temp.made")?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// What the triggers would have written for each row: all of it, sorted, at once.
const TAGS: &str = "INSERT OR IGNORE INTO sim_tag \
    SELECT 0, j.value, s.id FROM sim s, json_each(list_keys(s.tags)) j WHERE s.tags <> '' UNION ALL \
    SELECT 1, j.value, s.id FROM sim s, json_each(list_keys(s.categories)) j WHERE s.categories <> '' ORDER BY 1, 2, 3";

/// Drops the plain indexes and the triggers of `sim`, and says how to make them again.
fn drop_indexes(session: &Database) -> Result<Vec<String>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema \
        WHERE type IN ('index', 'trigger') AND tbl_name = 'sim' AND sql NOT NULL";
    let mut statement = session.prepare(sql)?;
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let all: Vec<(String, String, String)> = rows.collect::<rusqlite::Result<_>>()?;
    for (kind, name, _) in &all {
        session.execute_batch(&format!("DROP {kind} {name}"))?;
    }
    Ok(all.into_iter().map(|(.., sql)| sql).collect())
}

/// Returns a callback that reports the lines of a file checked so far, and stops when that is asked
/// for.
pub(super) fn survey_reporter<'a>(watch: &'a OnProgress<'_>) -> impl Fn(u64) -> Result<()> + 'a {
    let told = std::cell::Cell::new(0);
    move |lines| {
        if lines < told.get() + CHUNK.unsigned_abs() && lines >= told.get() {
            return Ok(());
        }
        // The highest number only asks whether to go on.
        let asked = lines == u64::MAX;
        told.set(if asked { told.get() } else { lines });
        report(watch, "checking", told.get(), 0)
    }
}

pub(super) fn report(watch: &OnProgress<'_>, phase: &'static str, done: u64, total: u64) -> Result<()> {
    match watch(Progress { phase, done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}

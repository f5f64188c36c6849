//! What a change did to each SIM: the outcome, and what was before and after it.

use rusqlite::params_from_iter;
use serde_json::{Map, Value as Json};

use super::edits::edit_of;
use super::levels::levels_of;
use super::read::View;
use super::sql::Sql;
use crate::change::{Change, Item, Outcome, Reason};
use crate::edit::{Edit, ListEdit};
use crate::error::Result;
use crate::ids::{AccountId, Rev, SimId};
use crate::levels::{Alert, Levels};
use crate::packed::{pack, split};
use crate::sim::Verb;
use crate::units::{default_alert, describe_bytes, short_bytes};

impl View<'_> {
    /// The SIMs of a change, by number, as far as this user may see them. What they were like
    /// before is for those who saw them then.
    pub fn items(
        &self,
        rev: Rev,
        outcome: Option<Outcome>,
        after: Option<SimId>,
        limit: u32,
    ) -> Result<Vec<Item>> {
        let mut sql = Sql::new(
            "SELECT i.sim_id, ifnull(s.iccid, ''), ifnull(s.label, ''), i.outcome, i.reason, i.from_account, \
             i.to_account, ifnull(s.account_id, 0), i.before, l.kind, l.body, l.undoes, o.before, ifnull(o.from_account, 0) FROM log_item i \
             JOIN log l ON l.rev = i.rev LEFT JOIN sim s ON s.id = i.sim_id \
             LEFT JOIN log_item o ON o.rev = l.undoes AND o.sim_id = i.sim_id WHERE i.rev = ? AND i.sim_id > ?",
        )
        .with(rev)
        .with(after.map_or(0, |a| a.0));
        if let Some(outcome) = outcome {
            sql.push(Sql::new(" AND i.outcome = ?").with(outcome as i64));
        }
        if !self.whole {
            let visible: Vec<i64> = self.accounts.all().iter().map(|a| a.id.0).collect();
            sql.push(
                Sql::new(
                    " AND (i.from_account IN rarray(?) OR (i.outcome = 0 AND i.to_account IN rarray(?)))",
                )
                .with_many(visible.clone())
                .with_many(visible),
            );
        }
        sql.push(Sql::new(" ORDER BY i.sim_id LIMIT ?").with(i64::from(limit)));
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| self.item(r))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn item(&self, r: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
        let seen = |id: i64| self.accounts.get(AccountId(id)).is_some();
        let (before, mut after) = if seen(r.get(5)?) { before_and_after(r)? } else { Default::default() };
        // What an undo brings back was somebody else's where the SIM was elsewhere then.
        if r.get::<_, Option<Rev>>(11)?.is_some() && !seen(r.get(13)?) {
            after.clear();
        }
        Ok(Item {
            sim: SimId(r.get(0)?),
            iccid: r.get(1)?,
            // A label given after the SIM left is none of this user's business.
            label: if seen(r.get(7)?) { r.get(2)? } else { String::new() },
            outcome: Outcome::from_code(r.get(3)?),
            reason: Reason::from_code(r.get(4)?),
            from: self.name(r.get(5)?),
            to: self.name(r.get(6)?),
            before,
            after,
        })
    }
}

/// What was before and after, in words.
fn before_and_after(r: &rusqlite::Row<'_>) -> rusqlite::Result<(String, String)> {
    let json = |at: usize| {
        let text: Option<String> = r.get(at)?;
        Ok::<_, rusqlite::Error>(text.and_then(|text| serde_json::from_str::<Json>(&text).ok()))
    };
    let Some(Json::Object(before)) = json(8)? else { return Ok(Default::default()) };
    let (kind, body) = (r.get::<_, String>(9)?, json(10)?.unwrap_or_default());
    let undoes: Option<Rev> = r.get(11)?;
    let after = match json(12)? {
        // An undo brings back what was before the change it undoes.
        Some(Json::Object(back)) if undoes.is_some() => back,
        _ => after(&kind, &body, &before),
    };
    let said = describe_values(&before);
    let now: Map<String, Json> = after.into_iter().filter(|(key, _)| before.contains_key(key)).collect();
    Ok((said, describe_values(&now)))
}

/// What a change made of a SIM that was like that; only what it set.
fn after(kind: &str, body: &Json, before: &Map<String, Json>) -> Map<String, Json> {
    if kind == Change::LEVELS
        && let Ok(levels) = levels_of(body)
    {
        return of_levels(&levels, before);
    }
    if Edit::is_kind(kind)
        && let Ok(edit) = edit_of(body)
    {
        return of_edit(&edit, before);
    }
    if kind == Change::PERIOD_ROLLOVER {
        return before.get("carried").map(|n| ("counter".to_owned(), n.clone())).into_iter().collect();
    }
    if kind == Change::CAP_RETURN {
        let returned = [("cap", "back_cap"), ("alert", "back_alert"), ("hard_cap", "hard_cap")];
        return returned
            .into_iter()
            .filter_map(|(to, from)| Some((to.to_owned(), before.get(from)?.clone())))
            .collect();
    }
    // A move clears what it keeps for its undo.
    let cleared = ["notes", "recipients", "tags"];
    before
        .keys()
        .filter(|key| cleared.contains(&key.as_str()))
        .map(|key| (key.clone(), "".into()))
        .collect()
}

fn of_levels(levels: &Levels, before: &Map<String, Json>) -> Map<String, Json> {
    let was = |key: &str| before.get(key).and_then(Json::as_u64).unwrap_or(0);
    let cap = levels.cap.unwrap_or_else(|| was("cap"));
    let alert = match (levels.alert, levels.cap) {
        (Alert::Bytes(bytes), _) => bytes,
        (Alert::Percent(percent), _) => {
            u64::try_from(u128::from(cap) * u128::from(percent) / 100).unwrap_or(u64::MAX).max(1)
        }
        (Alert::Follow, Some(cap)) if cap > 0 => default_alert(cap),
        (Alert::Follow | Alert::Keep, _) => was("alert"),
    };
    let hard = levels.hard.map_or(was("hard_cap"), u64::from);
    let values = [("cap", cap), ("alert", alert), ("hard_cap", hard)];
    values.into_iter().map(|(key, n)| (key.to_owned(), n.into())).collect()
}

fn of_edit(edit: &Edit, before: &Map<String, Json>) -> Map<String, Json> {
    let mut after = Map::new();
    let mut set = |key: &str, value: Json| after.insert(key.to_owned(), value);
    for (key, text) in [("label", &edit.label), ("notes", &edit.notes)] {
        if let Some(text) = text {
            set(key, text.clone().into());
        }
    }
    let lists: [(&str, &ListEdit); 3] =
        [("tags", &edit.tags), ("categories", &edit.categories), ("recipients", &edit.recipients)];
    for (key, listed) in lists.into_iter().filter(|(_, listed)| listed.is_some()) {
        let was = split(before.get(key).and_then(Json::as_str).unwrap_or_default());
        set(key, pack(listed.of(was).iter().map(String::as_str)).into());
    }
    if let Some(on) = edit.authentication {
        set("auth", i64::from(on).into());
    }
    match edit.verb {
        Some(Verb::Activate) => drop(set("lifecycle", 1.into())),
        Some(Verb::Terminate) => drop(set("lifecycle", 3.into())),
        Some(Verb::Suspend) => drop(set("suspended", 1.into())),
        Some(Verb::Resume) => drop(set("suspended", 0.into())),
        None => {}
    }
    after
}

/// Stored values in words; what is only kept for an undo is left out.
fn describe_values(values: &Map<String, Json>) -> String {
    let text = |key: &str| values.get(key).and_then(Json::as_str);
    let number = |key: &str| values.get(key).and_then(Json::as_u64);
    let one = |key: &str| {
        text(key).map(|text| {
            let line = text.lines().next().unwrap_or_default();
            if line.is_empty() { format!("no {key}") } else { format!("{key}: {line}") }
        })
    };
    let many = |key: &str| {
        text(key).map(|list| match split(list) {
            names if names.is_empty() => format!("no {key}"),
            names => format!("{key}: {}", names.join(", ")),
        })
    };
    let hard = if number("hard_cap") == Some(1) { " hard" } else { "" };
    let parts = [
        number("counter").map(|bytes| format!("used {}", short_bytes(bytes))),
        number("cap").map(|cap| format!("cap {}{hard}", describe_bytes(cap))),
        number("alert").map(|alert| format!("alert {}", describe_bytes(alert))),
        one("label"),
        one("notes"),
        many("tags"),
        many("categories"),
        many("recipients"),
        number("auth").map(|on| format!("SIM authentication {}", if on == 1 { "on" } else { "off" })),
        number("lifecycle").map(|at| {
            ["inactive", "activation pending", "active", "terminated"][at.min(3) as usize].to_owned()
        }),
        number("suspended").map(|on| if on == 1 { "suspended" } else { "not suspended" }.to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

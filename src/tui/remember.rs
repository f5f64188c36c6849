//! What the screen remembers from one time to the next: unfolded accounts, recent targets, the account and order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use estate::saved::SavedColumn;
use estate::{AccountId, Order};
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::model::{Layout, Model};
use crate::config::state_dir;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    open: Vec<i64>,
    recents: Vec<i64>,
    account: Option<i64>,
    sort: Option<String>,
    columns: Vec<SavedColumn>,
    tree: Option<bool>,
    details: Option<bool>,
    recent_filters: Vec<String>,
    layouts: BTreeMap<String, (Layout, Layout)>,
}

fn file(model: &Model) -> PathBuf {
    let who: String =
        model.me.email.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    state_dir().join(format!("screen-{who}.json"))
}

/// Takes up where the person left off; what is not there any more is left out.
pub fn recall(model: &mut Model) {
    if !model.kind.is_remembered() {
        return;
    }
    let Ok(text) = std::fs::read_to_string(file(model)) else { return };
    let memory: Memory = serde_json::from_str(&text).unwrap_or_default();
    let accounts = Arc::clone(&model.accounts);
    let known = |ids: &[i64]| {
        ids.iter().map(|id| AccountId(*id)).filter(|id| accounts.get(*id).is_some()).collect::<Vec<_>>()
    };
    model.tree.open.extend(known(&memory.open));
    model.recents = known(&memory.recents);
    if let Some(account) = memory.account.and_then(|id| known(&[id]).pop()) {
        model.tree.cursor = account;
        model.query.under = account;
    }
    if let Some(order) = memory.sort.as_deref().and_then(|sort| Order::parse(sort).ok()) {
        model.query.sort = order;
    }
    if !memory.columns.is_empty() {
        let (columns, unknown) = Columns::of_saved(&memory.columns);
        model.columns = columns;
        if !unknown.is_empty() {
            model.messages.say(format!("columns this version does not know: {}", unknown.join(", ")));
        }
    }
    model.recent_filters = memory.recent_filters;
    model.layouts = memory.layouts;
    model.show_tree = memory.tree.unwrap_or(true);
    model.show_details = memory.details;
    model.tree.rebuild(&accounts);
}

/// Writes down what is to be remembered; a demo leaves nothing behind.
pub fn keep(model: &mut Model) {
    if !model.kind.is_remembered() {
        return;
    }
    // What a saved filter shows is kept for it; what is remembered is the usual.
    model.leave_saved();
    let memory = Memory {
        open: model.tree.open.iter().map(|a| a.0).collect(),
        recents: model.recents.iter().map(|a| a.0).collect(),
        account: Some(model.query.under.0),
        sort: Some(model.query.sort.to_string()),
        columns: model.columns.saved(),
        tree: Some(model.show_tree),
        details: model.show_details,
        recent_filters: model.recent_filters.clone(),
        layouts: model.layouts.clone(),
    };
    let path = file(model);
    let text = serde_json::to_string(&memory).unwrap_or_default();
    if let Ok(mut out) = crate::files::open_state_file(&path) {
        let _ = std::io::Write::write_all(&mut out, text.as_bytes());
    }
}

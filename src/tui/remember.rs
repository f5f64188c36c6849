//! Session memory of the screen: unfolded accounts, recent targets, the account and order, by user
//! and estate.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use estate::saved::SavedColumn;
use estate::{AccountId, Order};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::columns::Columns;
use super::model::{Layout, Model};
use crate::folders::state_dir;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    estate: String,
    email: String,
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

/// The name of the file: one for each user of each estate. Account numbers of one estate mean
/// nothing in another.
fn file_name(model: &Model) -> String {
    let mut hash = Sha256::new();
    hash.update(model.site.estate.as_bytes());
    hash.update([0]);
    hash.update(model.me.email.as_bytes());
    let key: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("screen-{key}.json")
}

/// Restores what the user left; what is not there any more is left out. Files of earlier versions,
/// which were named by the address alone, are ignored.
pub fn recall(model: &mut Model) {
    recall_from(model, &state_dir());
}

/// Restores from a folder.
pub fn recall_from(model: &mut Model, folder: &Path) {
    if !model.kind.is_remembered() {
        return;
    }
    let Ok(text) = std::fs::read_to_string(folder.join(file_name(model))) else { return };
    let memory: Memory = serde_json::from_str(&text).unwrap_or_default();
    if memory.estate != model.site.estate || memory.email != model.me.email {
        return;
    }
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

/// Saves the state of the screen; a demo leaves nothing behind.
pub fn keep(model: &mut Model) {
    keep_in(model, &state_dir());
}

/// Saves to a folder.
pub fn keep_in(model: &mut Model, folder: &Path) {
    if !model.kind.is_remembered() {
        return;
    }
    // What a saved filter shows is kept for it; what is remembered is the usual.
    model.leave_saved();
    let memory = Memory {
        estate: model.site.estate.clone(),
        email: model.me.email.clone(),
        open: model.tree.open.iter().map(|a| a.0).collect(),
        recents: model.recents.iter().map(|a| a.0).collect(),
        account: Some(model.query.under.0),
        sort: Some(model.query.sort.to_string()),
        columns: model.columns.to_saved(),
        tree: Some(model.show_tree),
        details: model.show_details,
        recent_filters: model.recent_filters.clone(),
        layouts: model.layouts.clone(),
    };
    let path = folder.join(file_name(model));
    let text = serde_json::to_string(&memory).unwrap_or_default();
    if let Ok(mut out) = crate::files::open_state_file(&path) {
        let _ = std::io::Write::write_all(&mut out, text.as_bytes());
    }
}

//! Lists that are opened: the context menu, pickers, palette, help.

use std::sync::Arc;

use estate::levels::{describe_bytes, parse_cap};
use estate::number::count;
use estate::{
    Account, AccountId, Accounts, Change, ChangeId, Column, Filter, Grouping, Levels, MoveOptions, Query,
    Target,
};

use crate::tui::action::{ACTIONS, Action as A, Group};
use crate::tui::keymap::Pane;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::response::MenuChoice;
use crate::tui::overlay::{Choosable, Chooser, Confirm, LevelsPane, Overlay};
use crate::tui::{availability, columns, layout};

/// What can be done to SIMs, in the menu's order; the first only opens a picker.
const ON_SIMS: [A; 20] = [
    A::SimDetails,
    A::Move,
    A::SetLevels,
    A::Edit,
    A::SimActivate,
    A::SimSuspend,
    A::SimResume,
    A::SimTerminate,
    A::SimAuth,
    A::Ping,
    A::Diagnose,
    A::CopyIccid,
    A::Export,
    A::Toggle,
    A::ExtendHere,
    A::SelectSame,
    A::SelectMatching,
    A::FilterBuilder,
    A::FilterSame,
    A::Undo,
];
/// What of that is about the one SIM whose details are open.
const ON_ONE: std::ops::Range<usize> = 1..12;
/// What can be done to an account.
const ON_ACCOUNTS: [A; 17] = [
    A::OpenAccount,
    A::ManagedAccounts,
    A::Spending,
    A::ToggleFold,
    A::SelectSubtree,
    A::FilterSame,
    A::AccountAdd,
    A::AccountRename,
    A::AccountMove,
    A::AccountCeiling,
    A::AccountCaps,
    A::AccountPeriod,
    A::AccountHelp,
    A::UserAdd,
    A::AccountConvert,
    A::AccountDelete,
    A::Export,
];

/// One action as a line of a list.
fn line(model: &Model, action: A) -> Choosable {
    let row = action.row();
    let keys = model.keymap.keys_for(action);
    let mut item = Choosable::new(
        row.title,
        model.keymap.key_in(model.pane(), action).unwrap_or_default(),
        MenuChoice::Action(action),
    );
    item.key = keys
        .iter()
        .find(|k| k.chars().count() == 1)
        .and_then(|k| k.chars().next())
        .filter(|c| !"jkq".contains(*c));
    item.why = availability::disabled_reason(model, action).err();
    item.words = format!("{} {}", row.name, row.help);
    item
}

/// The context menu, at a corner or beside the cursor.
pub fn context(model: &mut Model, at: Option<(u16, u16)>) -> Vec<Effect> {
    let (title, actions): (String, &[A]) = match model.focus {
        focus if (focus == Pane::Tree || model.page.is_some()) && model.shown_whole().is_none() => (
            model.accounts.get(model.tree.cursor).map(|a| a.name.clone()).unwrap_or_default(),
            &ON_ACCOUNTS,
        ),
        _ if model.shown_whole().is_some() => (model.subject(), &ON_SIMS[ON_ONE]),
        _ => (model.subject(), &ON_SIMS),
    };
    let items = actions.iter().map(|action| line(model, *action)).collect();
    let beside = || layout::beside_cursor(model).filter(|_| model.shown_whole().is_none());
    let at = at.or_else(beside);
    model.overlays.push(Overlay::Choose(Chooser::menu(title, at, items)));
    Vec::new()
}

/// Every action, to be found by typing.
pub fn palette(model: &mut Model) -> Vec<Effect> {
    let items = ACTIONS
        .iter()
        .filter(|row| availability::applies(model.pane(), row.action))
        .map(|row| line(model, row.action));
    let items = items.map(|item| Choosable { key: None, ..item }).collect();
    model.overlays.push(Overlay::Choose(Chooser::picker("All actions", items)));
    Vec::new()
}

/// Every action by chapter, with all its keys; Enter runs it.
pub fn help(model: &mut Model) -> Vec<Effect> {
    let mut items = Vec::new();
    for group in Group::ALL {
        items.push(Choosable::heading(group.title()));
        for row in ACTIONS.iter().filter(|row| row.group == group) {
            let keys = model.keymap.keys_for(row.action).join("  ");
            let mut item = Choosable::new(row.help, keys, MenuChoice::Action(row.action));
            item.words = format!("{} {} {}", row.title, row.name, item.note);
            item.why = availability::disabled_reason(model, row.action).err().or_else(|| {
                (!availability::applies(model.pane(), row.action))
                    .then(|| "it works in the other pane (Tab)".to_owned())
            });
            items.push(item);
        }
    }
    model.overlays.push(Overlay::Choose(Chooser::picker("Help: type to search, Enter runs it", items)));
    Vec::new()
}

/// The columns to sort by, first or after the others.
pub fn sort(model: &mut Model, title: &str, choice: fn(Column) -> MenuChoice) -> Vec<Effect> {
    let order = &model.query.sort;
    let now = |by| match order.place(by) {
        Some((at, descending)) => {
            let way = if descending { "largest first" } else { "smallest first" };
            if order.keys().len() > 1 { format!("{}. {way}", at + 1) } else { way.to_owned() }
        }
        None => String::new(),
    };
    let line = |c: &columns::Col| Choosable::new(c.name, now(c.by), choice(c.by));
    let mut menu = Chooser::picker(title, columns::ALL.iter().map(line).collect());
    menu.cursor = columns::ALL.iter().position(|c| c.by == order.first().by).unwrap_or(0);
    model.overlays.push(Overlay::Choose(menu));
    Vec::new()
}

/// Accounts as lines: full paths, SIM counts, and why some cannot be chosen.
fn account_lines(
    model: &Model,
    choice: impl Fn(AccountId) -> MenuChoice,
    why: impl Fn(&Account) -> Option<String>,
) -> Vec<Choosable> {
    let accounts = &model.accounts;
    let line = |account: &Account| {
        let admin = if account.has_admin { "" } else { "  no Admin yet" };
        let note = format!("{}{admin}", count(account.subtree));
        let mut item = Choosable::new(shown_path(accounts, account.id), note, choice(account.id));
        item.why = why(account);
        item
    };
    let recent = model.recents.iter().filter_map(|id| accounts.get(*id)).take(3);
    let all = accounts.all().iter().filter(|a| !model.recents.iter().take(3).any(|id| *id == a.id));
    recent.chain(all).map(line).collect()
}

fn shown_path(accounts: &Accounts, id: AccountId) -> String {
    accounts.names(id).join(" / ")
}

/// Where to move the SIMs.
pub fn move_target(model: &mut Model) -> Vec<Effect> {
    let only = single_source(model);
    let items = account_lines(model, MenuChoice::MoveTo, |account| {
        (only == Some(account.id)).then(|| "already there".to_owned())
    });
    let title = format!("Move {} to", model.subject());
    model.overlays.push(Overlay::Choose(Chooser::picker(title, items)));
    Vec::new()
}

/// The account all of the target is in, as far as the window tells.
fn single_source(model: &Model) -> Option<AccountId> {
    let target = model.target()?;
    if !target.any.is_empty() {
        return None;
    }
    let known: Vec<AccountId> = model
        .table
        .rows
        .iter()
        .filter(|r| target.ids.contains(&r.row.sim.id))
        .map(|r| r.row.sim.account)
        .collect();
    let first = *known.first()?;
    (known.len() == target.ids.len() && known.iter().all(|a| *a == first)).then_some(first)
}

/// Accounts to choose from by name.
pub fn choose_account(
    model: &mut Model,
    title: &str,
    choice: fn(AccountId) -> MenuChoice,
) -> Vec<Effect> {
    let items = account_lines(model, choice, |_| None);
    model.overlays.push(Overlay::Choose(Chooser::picker(title, items)));
    Vec::new()
}

/// Which account to look at.
pub fn find_account(model: &mut Model) -> Vec<Effect> {
    let items = account_lines(model, MenuChoice::GoTo, |_| None);
    model.overlays.push(Overlay::Choose(Chooser::picker("Go to account", items)));
    Vec::new()
}

/// Where to hang the account under the cursor.
pub fn hang(model: &mut Model) -> Vec<Effect> {
    let account = model.tree.cursor;
    let accounts = Arc::clone(&model.accounts);
    let parent = accounts.get(account).and_then(|a| a.parent);
    let items = account_lines(
        model,
        |under| MenuChoice::Hang(account, under),
        |a| match () {
            () if accounts.is_under(a.id, account) => {
                Some("an account cannot go under itself".to_owned())
            }
            () if parent == Some(a.id) => Some("it is there already".to_owned()),
            () => None,
        },
    );
    let name = accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    model.overlays.push(Overlay::Choose(Chooser::picker(format!("Move account {name} under"), items)));
    Vec::new()
}

/// Asks whether the account under the cursor is to go.
pub fn delete(model: &mut Model) -> Vec<Effect> {
    let account = model.tree.cursor;
    let title = format!("Delete account {}", shown_path(&model.accounts, account));
    confirm(model, title, Change::DeleteAccount { account }, Some(0))
}

/// Asks by which names the SIMs of the account under the cursor are to be told apart.
pub fn convert(model: &mut Model) -> Vec<Effect> {
    let name = model.accounts.get(model.tree.cursor).map(|a| a.name.clone()).unwrap_or_default();
    let line =
        |by: Grouping, label: &str, note: &str| Choosable::new(label, note, MenuChoice::Convert(by));
    let items = vec![
        line(Grouping::Category, "By category", "each becomes an account below"),
        line(Grouping::Tag, "By tag", "for SIMs that have exactly one"),
    ];
    model.overlays.push(Overlay::Choose(Chooser::menu(format!("Make accounts in {name}"), None, items)));
    Vec::new()
}

/// Asks whether the categories or tags of the account under the cursor are to become accounts.
pub fn confirm_convert(model: &mut Model, by: Grouping) -> Vec<Effect> {
    let account = model.tree.cursor;
    // Only SIMs that have a name to go by are meant.
    let filter = Filter::parse(&format!("has:{}", by.field())).unwrap_or_default();
    let query = Query { filter, deep: false, ..Query::all(account, model.now) };
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    let title = format!("Make accounts of the {} of {name}", by.plural());
    confirm(model, title, Change::Convert { target: Target::query(query), account, by }, Some(0))
}

/// Asks whether caps and alerts are to be switched in the account under the cursor.
pub fn switch_caps(model: &mut Model) -> Vec<Effect> {
    let account = model.tree.cursor;
    let on = !model.accounts.get(account).is_some_and(|a| a.own_levels);
    let said = if on { "on" } else { "off" };
    let title = format!("Switch caps and alerts {said} in {}", shown_path(&model.accounts, account));
    confirm(model, title, Change::SetEntitlement { account, on }, Some(0))
}

/// Asks whether an account is to have that ceiling.
pub fn confirm_ceiling(model: &mut Model, account: AccountId, text: &str) -> Vec<Effect> {
    let ceiling = parse_cap(text).ok().filter(|bytes| *bytes > 0);
    let said = ceiling.map_or_else(|| "none".to_owned(), describe_bytes);
    let title = format!("Set the ceiling of {} to {said}", shown_path(&model.accounts, account));
    confirm(model, title, Change::SetCeiling { account, ceiling }, Some(0))
}

/// Asks whether an account is to hang under another.
pub fn confirm_hang(model: &mut Model, account: AccountId, under: AccountId) -> Vec<Effect> {
    let accounts = &model.accounts;
    let title =
        format!("Move account {} under {}", shown_path(accounts, account), shown_path(accounts, under));
    confirm(model, title, Change::MoveAccount { account, under }, Some(0))
}

/// Asks whether the SIMs are to move.
pub fn confirm_move(model: &mut Model, to: AccountId) -> Vec<Effect> {
    let Some(target) = model.target() else { return Vec::new() };
    let hidden = model.hidden_count();
    let title = format!("Move {} to {}", model.subject(), shown_path(&model.accounts, to));
    confirm(model, title, Change::Move { target, to, clear: MoveOptions::default() }, hidden)
}

/// Opens the cap editor.
pub fn levels(model: &mut Model) -> Vec<Effect> {
    let Some(target) = model.target() else { return Vec::new() };
    model.tickets.work = model.tickets.take();
    let effect = Effect::Spread { ticket: model.tickets.work, target: Box::new(target.clone()) };
    model.overlays.push(Overlay::Levels(Box::new(LevelsPane::new(model.subject(), target))));
    vec![effect]
}

/// Asks whether caps and alerts are to be set like that.
pub fn confirm_levels(model: &mut Model, levels: Levels) -> Vec<Effect> {
    let Some(Overlay::Levels(pane)) = model.overlays.pop() else { return Vec::new() };
    let hidden = model.hidden_count();
    let title = format!("Set caps and alerts of {}", pane.subject);
    confirm(model, title, Change::SetLevels { target: pane.target, levels }, hidden)
}

/// Asks whether a change is to be undone.
pub fn undo_change(model: &mut Model, change: ChangeId, what: &str) -> Vec<Effect> {
    confirm(model, format!("Undo: {what}"), Change::Undo { change }, Some(0))
}

/// Opens the dialog, and has the change planned.
pub fn confirm(model: &mut Model, title: String, change: Change, hidden: Option<u64>) -> Vec<Effect> {
    model.tickets.work = model.tickets.take();
    let effect = Effect::Plan { ticket: model.tickets.work, change: Box::new(change.clone()) };
    model.overlays.push(Overlay::Confirm(Box::new(Confirm::new(title, change, hidden, model.at))));
    vec![effect]
}

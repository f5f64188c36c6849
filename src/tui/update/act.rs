//! Actions: each arm is one call.

use std::sync::Arc;

use estate::{Query, Target, Verb, units};

use super::{
    columns, files, filters, forms, history, managed, menus, probes, saved, select, support, usage,
};
use crate::probe::Kind;
use crate::tui::action::{Action as A, Group};
use crate::tui::keymap::Pane;
use crate::tui::model::{HELD, Last, Model};
use crate::tui::msg::Effect;
use crate::tui::overlay::response::MenuChoice;
use crate::tui::overlay::{Overlay, Prompt, PromptKind};
use crate::tui::table::ScrollTo;
use crate::tui::{availability, layout};

/// Runs an action, or says why it cannot be run.
pub fn run(model: &mut Model, action: A) -> Vec<Effect> {
    if let Err(why) = availability::disabled_reason(model, action) {
        model.refuse(format!("{}: {why}", action.row().title.trim_end_matches('…')));
        return Vec::new();
    }
    // What finds SIMs shows them.
    if model.page.is_some() && action.row().group == Group::Finding {
        let mut effects = managed::close(model);
        effects.extend(run(model, action));
        return effects;
    }
    // A range belongs to what comes next: whatever neither draws it nor only looks takes it into
    // the selection.
    let mut effects = match model.table.range.as_ref().map(|range| range.sticky) {
        Some(sticky) if !keeps_range(action, sticky) => select::finish_range(model),
        _ => Vec::new(),
    };
    if model.ranging && (availability::on_sims(action) || matches!(action, A::CopyIccid | A::Export)) {
        model.refuse("the selection is still being read; try again in a moment");
        return effects;
    }
    effects.extend(dispatch(model, action));
    effects
}

/// Whether an action leaves a range as it is being drawn; without Shift, movement does so only for
/// a range begun with `v`.
fn keeps_range(action: A, sticky: bool) -> bool {
    let travels = matches!(action, A::Up | A::Down | A::PageUp | A::PageDown | A::First | A::Last);
    let extends = matches!(
        action,
        A::ExtendUp
            | A::ExtendDown
            | A::ExtendPageUp
            | A::ExtendPageDown
            | A::ExtendFirst
            | A::ExtendLast
    );
    let looks = matches!(
        action,
        A::ScrollLeft | A::ScrollRight | A::ToggleDetails | A::Messages | A::Help | A::Refresh
    );
    extends || looks || matches!(action, A::Back | A::Range | A::Suspend) || (sticky && travels)
}

fn dispatch(model: &mut Model, action: A) -> Vec<Effect> {
    match action {
        A::Up | A::Down | A::PageUp | A::PageDown | A::First | A::Last => travel(model, action),
        A::ExtendUp
        | A::ExtendDown
        | A::ExtendPageUp
        | A::ExtendPageDown
        | A::ExtendFirst
        | A::ExtendLast => {
            select::extend(model);
            travel(model, plain(action))
        }
        A::Toggle => select::toggle(model),
        A::Range => select::range(model),
        A::ExtendHere => select::extend_here(model),
        A::SelectVisible => select::visible(model),
        A::SelectMatching => select::query(model, model.query.clone()),
        A::SelectInvert => select::invert(model),
        A::SelectNone => select::none(model),
        A::SelectSubtree => select::query(model, Query::all(model.tree.cursor, model.now)),
        A::SelectSame => select::same(model),
        A::Reselect => select::again(model),
        A::Undo => undo(model),
        A::Menu => menus::context(model, None),
        A::SimDetails => usage::details(model),
        A::Alerts => usage::alerts(model),
        A::Spending => usage::spending(model),
        A::CopyIccid => copy(model),
        A::Ping => probes::ask(model, Kind::Ping),
        A::Diagnose => probes::ask(model, Kind::Diagnostics),
        A::Sort => menus::sort(model, "Sort by", MenuChoice::Sort),
        A::Palette => menus::palette(model),
        A::Help => menus::help(model),
        A::Support => support::open(model),
        A::Profile => forms::profile(model),
        A::SelectWhere | A::SelectList | A::GoTo => prompt(model, action),
        A::Export => files::open_export(model),
        A::History => history::open(model),
        A::ClearFilter => model.clear_filter(),
        A::SortReverse => {
            model.query.sort = model.query.sort.reverse();
            model.reload(ScrollTo::Top)
        }
        A::Deep => {
            model.query.deep = !model.query.deep;
            model.requery()
        }
        _ if availability::on_sims(action) => on_sims(model, action),
        _ if action.row().group == Group::Accounts => on_accounts(model, action),
        _ if action.row().group == Group::Finding => finding(model, action),
        _ => program(model, action),
    }
}

fn on_sims(model: &mut Model, action: A) -> Vec<Effect> {
    match action {
        A::Move => menus::move_target(model),
        A::SetLevels => menus::levels(model),
        A::SimActivate => forms::state(model, Verb::Activate),
        A::SimSuspend => forms::state(model, Verb::Suspend),
        A::SimResume => forms::state(model, Verb::Resume),
        A::SimTerminate => forms::state(model, Verb::Terminate),
        A::SimAuth => forms::authentication(model),
        _ => forms::edit(model),
    }
}

fn on_accounts(model: &mut Model, action: A) -> Vec<Effect> {
    match action {
        A::FindAccount => menus::find_account(model),
        A::AccountMove => menus::hang(model),
        A::AccountDelete => menus::delete(model),
        A::AccountCaps => menus::switch_caps(model),
        A::ManagedAccounts => managed::toggle(model),
        A::AccountHelp => managed::help(model),
        A::UserAdd => forms::invite(model),
        A::AccountConvert => menus::convert(model),
        A::OpenAccount => {
            model.focus = Pane::Table;
            Vec::new()
        }
        A::Expand | A::Collapse | A::ToggleFold | A::ExpandAll | A::CollapseAll => fold(model, action),
        _ => prompt(model, action),
    }
}

fn finding(model: &mut Model, action: A) -> Vec<Effect> {
    match action {
        A::Search => filters::open_line(model),
        A::FilterBuilder => filters::open_builder(model),
        A::FilterSame => filters::same(model),
        A::FilterAccount => filters::by_account(model),
        A::FilterList => files::list(model),
        A::InspectList => files::inspect(model),
        A::RemoveCondition => filters::remove(model),
        A::RecentFilters => filters::recent(model),
        A::SavedFilters => saved::open_saved(model),
        A::SaveFilter => {
            saved::keep(model);
            Vec::new()
        }
        A::SortThen => menus::sort(model, "Then sort by", MenuChoice::ThenSort),
        A::Columns => columns::choose_columns(model),
        other => other.digit().map_or_else(Vec::new, |digit| saved::call_digit(model, digit)),
    }
}

fn program(model: &mut Model, action: A) -> Vec<Effect> {
    match action {
        A::NextPane if model.focus == Pane::Tree || layout::has_tree(model) => {
            model.focus = if model.focus == Pane::Table { Pane::Tree } else { Pane::Table };
        }
        A::ScrollLeft => model.table.column = model.table.column.saturating_sub(1),
        A::ScrollRight => {
            let scrolling = model.columns.shown_columns().len() - model.columns.pinned_count();
            model.table.column = (model.table.column + 1).min(scrolling.saturating_sub(1));
        }
        A::ToggleTree => model.show_tree = !model.show_tree,
        A::ToggleDetails => model.show_details = Some(!layout::areas(model).details_shown()),
        A::ToggleMouse => return toggle_mouse(model),
        A::Refresh => {
            let mut effects = super::answers::refresh(model);
            effects.push(Effect::Redraw);
            return effects;
        }
        A::Messages => model.overlays.push(Overlay::Messages(0)),
        A::Suspend => return vec![Effect::Suspend],
        A::Back => return back(model),
        A::Quit => return quit(model),
        _ => {}
    }
    Vec::new()
}

fn toggle_mouse(model: &mut Model) -> Vec<Effect> {
    model.mouse = !model.mouse;
    model.messages.say(if model.mouse {
        "the mouse is simdeck's again"
    } else {
        "the mouse is the terminal's now: select and copy text with it"
    });
    vec![Effect::Mouse(model.mouse)]
}

/// Esc never destroys anything: it gives up what is begun, or takes the message away. The filter
/// stays.
fn back(model: &mut Model) -> Vec<Effect> {
    if model.table.range.take().is_some() || model.messages.dismiss() {
        return Vec::new();
    }
    if model.page.is_some() { managed::close(model) } else { Vec::new() }
}

/// Whether nothing runs that leaving would stop; says so, and shows it, where something does.
pub fn may_leave(model: &mut Model) -> bool {
    if model.job.is_some() {
        model.messages.say("a change is still running: wait for it, or stop it with x");
        model.overlays.push(Overlay::Running);
    } else if model.export.writing.is_some() {
        model.messages.say("a file is still being written: wait for it, or stop it with x");
        model.overlays.push(Overlay::Exporting);
    } else {
        return true;
    }
    false
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if !may_leave(model) {
        return Vec::new();
    }
    model.quitting = true;
    vec![Effect::Remember, Effect::Quit]
}

fn plain(action: A) -> A {
    match action {
        A::ExtendUp => A::Up,
        A::ExtendDown => A::Down,
        A::ExtendPageUp => A::PageUp,
        A::ExtendPageDown => A::PageDown,
        A::ExtendFirst => A::First,
        _ => A::Last,
    }
}

/// Moves the cursor of the pane that has the focus.
fn travel(model: &mut Model, action: A) -> Vec<Effect> {
    if model.focus == Pane::Tree {
        return travel_tree(model, action);
    }
    let held = model.at.saturating_sub(model.stepped_at) < HELD;
    model.stepped_at = model.at;
    let table = &mut model.table;
    table.glide = if held { table.height / 3 } else { 0 };
    match action {
        A::Up => table.step(-1),
        A::Down => table.step(1),
        A::PageUp => table.page(false),
        A::PageDown => table.page(true),
        A::First if table.before => return model.reload(ScrollTo::Top),
        A::First => table.step(i64::from(i32::MIN)),
        _ if table.after => return model.reload(ScrollTo::Bottom),
        _ => table.step(i64::from(i32::MAX)),
    }
    Vec::new()
}

fn travel_tree(model: &mut Model, action: A) -> Vec<Effect> {
    let page = model.tree.height.max(2) as i64 - 1;
    let by = match action {
        A::Up => -1,
        A::Down => 1,
        A::PageUp => -page,
        A::PageDown => page,
        A::First => i64::from(i32::MIN),
        _ => i64::from(i32::MAX),
    };
    let accounts = Arc::clone(&model.accounts);
    model.tree.step(by, &accounts);
    look(model)
}

/// The table shows the account under the tree's cursor.
pub fn look(model: &mut Model) -> Vec<Effect> {
    if model.query.under == model.tree.cursor {
        return Vec::new();
    }
    model.query.under = model.tree.cursor;
    managed::follow_cursor(model)
}

fn fold(model: &mut Model, action: A) -> Vec<Effect> {
    let accounts = Arc::clone(&model.accounts);
    match action {
        A::Expand => model.tree.expand(&accounts),
        A::Collapse => model.tree.collapse(&accounts),
        A::ToggleFold => model.tree.toggle(model.tree.cursor, &accounts),
        A::ExpandAll => model.tree.expand_all(&accounts),
        _ => model.tree.collapse_all(&accounts),
    }
    look(model)
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let target = model.target().unwrap_or_default();
    vec![Effect::Iccids { target: Box::new(target), query: Box::new(model.query.clone()) }]
}

fn undo(model: &mut Model) -> Vec<Effect> {
    match model.last.clone() {
        Last::Nothing => {
            model.refuse("nothing to take back; h shows earlier changes");
            Vec::new()
        }
        Last::Selection => select::undo(model),
        Last::Change(id, what) => menus::undo_change(model, id, &what),
        Last::Profile(name, address) => forms::undo_profile(model, name, address),
    }
}

fn prompt(model: &mut Model, action: A) -> Vec<Effect> {
    let account = model.tree.cursor;
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    let prompt = match action {
        A::AccountAdd => Prompt::new(
            format!("New account under {name}"),
            "its name",
            "",
            PromptKind::AddAccount(account),
        ),
        A::AccountRename => Prompt::new(
            format!("Rename {name}"),
            "the new name",
            &name,
            PromptKind::RenameAccount(account),
        ),
        A::AccountReference => {
            let own = model.accounts.get(account).map(|a| a.reference.clone()).unwrap_or_default();
            let hint = "what another system calls it, or none";
            Prompt::new(format!("Reference of {name}"), hint, &own, PromptKind::Reference(account))
        }
        A::AccountNotify => {
            let hint = "a mail address, or the https:// URL of a webhook";
            Prompt::new(format!("Who else hears of {name}"), hint, "", PromptKind::Notify(account))
        }
        A::AccountCeiling => {
            let own = model.accounts.get(account).and_then(|a| a.own_ceiling).map(units::exact_bytes);
            let hint = "no cap may be above it: a size such as 500MB or 1.5GiB, or none";
            Prompt::new(
                format!("Ceiling of {name}"),
                hint,
                &own.unwrap_or_default(),
                PromptKind::Ceiling(account),
            )
        }
        A::AccountPeriod => {
            let own = model.accounts.get(account).and_then(|a| a.own_period).map(|rule| rule.to_string());
            let hint = "month, day:23, activation:30, or inherit";
            let own = own.unwrap_or_else(|| "inherit".to_owned());
            Prompt::new(format!("Billing period of {name}"), hint, &own, PromptKind::Period(account))
        }
        A::SelectWhere => {
            Prompt::new("Select every SIM where", "status=active used>1GB", "", PromptKind::Where)
        }
        A::SelectList => Prompt::new(
            "Select by a list",
            "paste ICCIDs, IMSIs or phone numbers, then Enter",
            "",
            PromptKind::List,
        ),
        _ => Prompt::new("Go to row", "a number, or a share such as 50%", "", PromptKind::GoTo),
    };
    model.overlays.push(Overlay::Prompt(prompt));
    Vec::new()
}

/// What an export writes: the selection, or everything the list holds.
pub fn export_target(model: &Model) -> Option<Box<Target>> {
    (!model.picked.is_empty()).then(|| Box::new(model.picked.target.clone()))
}

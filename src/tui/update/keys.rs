//! Keys and pastes: to the top overlay, to the search line, or through the keymap to an action.

use estate::List;

use super::{act, dialogs, filters, managed};
use crate::tui::action::Action;
use crate::tui::keymap::{Found, Pane};
use crate::tui::model::{Model, REFUSAL};
use crate::tui::msg::Effect;
use crate::tui::overlay::line::Typed;
use crate::tui::overlay::response::{ListUse, MenuChoice};
use crate::tui::overlay::{Choosable, Chooser, Overlay};
use crate::tui::term::{Code, Key};

/// Takes a key.
pub fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    if key.ctrl && key.code == Code::Char('c') {
        return interrupt(model);
    }
    if crate::tui::layout::too_small(model) {
        return unseen(model, key);
    }
    if ignore_after_refusal(model, key) {
        return Vec::new();
    }
    model.messages.pass();
    if let Some(top) = model.overlays.last_mut() {
        if matches!(top, Overlay::Confirm(confirm) if model.at < confirm.armed_at && key.code != Code::Esc)
        {
            return Vec::new();
        }
        let reply = top.key(key);
        return dialogs::reply(model, reply);
    }
    if model.search.is_some() {
        return search_key(model, key);
    }
    sequence(model, key)
}

/// Ignores a letter typed right after a refusal: it belongs to the typing that was refused, and is
/// no command. Each letter extends the time, but a key that repeats does not. Any other key ends
/// it.
fn ignore_after_refusal(model: &mut Model, key: Key) -> bool {
    let Some(refusal) = &mut model.messages.refusal else { return false };
    let letter = match key.code {
        Code::Char(c) if !key.ctrl && !key.alt => Some(c),
        Code::Enter => Some('⏎'),
        Code::Backspace => Some('⌫'),
        _ => None,
    };
    let typing = !model.overlays.is_empty() || model.search.is_some();
    let Some(letter) = letter.filter(|_| !typing && model.at <= refusal.until) else {
        model.messages.refusal = None;
        return false;
    };
    if !refusal.ignored.ends_with(letter) {
        refusal.until = model.at + REFUSAL;
    }
    refusal.ignored.push(letter);
    let note = refusal.note();
    // A filter that is awaited has shown no message yet.
    if refusal.awaits_rows && refusal.ignored.chars().count() == 1 {
        model.messages.say(note);
    } else {
        model.messages.amend(&note);
    }
    true
}

/// Nothing is done blindly: while nothing can be seen only the way out works.
fn unseen(model: &mut Model, key: Key) -> Vec<Effect> {
    match key.code {
        Code::Esc => drop(model.overlays.pop()),
        Code::Char('q') if model.overlays.is_empty() => {
            return act::run(model, Action::Quit);
        }
        _ => {}
    }
    Vec::new()
}

/// Ctrl+C: the way out people know. It closes what is open, then says how to leave.
fn interrupt(model: &mut Model) -> Vec<Effect> {
    model.pending.clear();
    let esc = Key::plain(Code::Esc);
    if let Some(top) = model.overlays.last_mut() {
        let reply = top.key(esc);
        return dialogs::reply(model, reply);
    }
    if model.search.is_some() {
        return search_key(model, esc);
    }
    let seen = model.kind == crate::tui::model::Kind::Seen;
    model.messages.say(if seen { "q comes back to your own view" } else { "q leaves simdeck" });
    Vec::new()
}

fn sequence(model: &mut Model, key: Key) -> Vec<Effect> {
    if model.pending.is_empty()
        && model.focus == Pane::Table
        && !key.ctrl
        && let Some(wish) = model.page.as_mut().and_then(|page| page.key(key))
    {
        return managed::wish(model, wish);
    }
    model.pending.push(key);
    match model.keymap.find(model.pane(), &model.pending) {
        Found::Prefix => {
            model.pending_at = model.at;
            Vec::new()
        }
        Found::Action(action) => {
            model.pending.clear();
            // On a selection Enter asks what to do with all of it.
            let menu =
                key.code == Code::Enter && action == Action::SimDetails && !model.picked.is_empty();
            act::run(model, if menu { Action::Menu } else { action })
        }
        Found::Nothing => {
            let alone = model.pending.len() == 1;
            elsewhere(model);
            model.pending.clear();
            if alone && key.code == Code::Enter {
                return act::run(model, Action::Menu);
            }
            Vec::new()
        }
    }
}

/// A key that does nothing here and something in the other pane says so.
fn elsewhere(model: &mut Model) {
    let other = if model.pane() == Pane::Tree { Pane::Table } else { Pane::Tree };
    if let Found::Action(action) = model.keymap.find(other, &model.pending) {
        let place = if other == Pane::Tree { "on accounts" } else { "on SIMs" };
        let title = action.row().title.trim_end_matches('…');
        model.refuse(format!("{title}: it works {place} (Tab goes there)"));
    }
}

/// Takes pasted text. Outside a line of text it runs nothing: it asks what the list is for.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    model.messages.pass();
    if let Some(top) = model.overlays.last_mut() {
        let reply = top.paste(text);
        return dialogs::reply(model, reply);
    }
    let accounts = std::sync::Arc::clone(&model.accounts);
    let read = List::read(text);
    if let Some(search) = &mut model.search {
        // A column of numbers is a list, wherever it is pasted.
        if read.as_ref().is_ok_and(|list| list.entries.len() < 2) {
            search.line.paste(text, &accounts, &model.known);
            let mut effects = filters::apply_typed_filter(model);
            // Typed ahead on a slow line, a filter comes as one piece with its Enter.
            if text.ends_with('\n') && text.lines().count() == 1 {
                effects.extend(search_key(model, Key::plain(Code::Enter)));
            }
            return effects;
        }
        model.search = None;
    }
    model.pending.clear();
    let list = match read {
        Ok(list) => list,
        Err(error) => {
            model.messages.fail(&error);
            return Vec::new();
        }
    };
    if list.entries.is_empty() {
        model.messages.say("what was pasted holds no numbers; nothing was done");
        return Vec::new();
    }
    let title = format!(
        "You pasted {} {}",
        estate::number::count(list.entries.len() as u64),
        if list.entries.len() == 1 { "number" } else { "numbers" }
    );
    model.pasted = list;
    let item = |key: char, label: &str, choice| Choosable {
        key: Some(key),
        ..Choosable::new(label, key.to_string(), choice)
    };
    let mut items = vec![
        item('s', "Select their SIMs", MenuChoice::Paste(ListUse::Select)),
        item('f', "Show only their SIMs", MenuChoice::Paste(ListUse::Filter)),
        item('d', "Discard", MenuChoice::Nothing),
    ];
    if model.pasted.entries.len() == 1 {
        items.insert(0, item('g', "Go to its SIM", MenuChoice::Paste(ListUse::Find)));
    }
    items.last_mut().into_iter().for_each(|i| i.why = Some("nothing was done".into()));
    model.overlays.push(Overlay::Choose(Chooser::menu(title, None, items)));
    Vec::new()
}

/// A key in the filter line.
fn search_key(model: &mut Model, key: Key) -> Vec<Effect> {
    let accounts = std::sync::Arc::clone(&model.accounts);
    let Some(search) = &mut model.search else { return Vec::new() };
    if key.code == Code::Esc {
        let before = search.before.clone();
        model.search = None;
        return model.filter(before);
    }
    match search.line.key(key, &accounts, &model.known) {
        Typed::Changed | Typed::Done => filters::apply_typed_filter(model),
        Typed::Same => Vec::new(),
        Typed::No => match key.code {
            Code::Enter if search.line.fault.is_none() => {
                let effects = filters::read_line(model);
                model.search = None;
                let text = model.query.filter.to_string();
                filters::remember(model, &text);
                if model.table.loading {
                    model.await_rows();
                } else if model.table.rows.is_empty() {
                    model.refuse("No matches");
                }
                effects
            }
            Code::Enter => {
                model
                    .messages
                    .say("this cannot be read yet: mend it where the mark is, or leave with Esc");
                Vec::new()
            }
            Code::Up | Code::Down | Code::PageUp | Code::PageDown => {
                model.search = None;
                sequence(model, key)
            }
            _ => Vec::new(),
        },
    }
}

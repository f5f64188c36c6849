//! The keys a dialog offers at its foot, with their places: what is shown is what can be clicked.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::dialog;
use crate::tui::model::Model;
use crate::tui::overlay::builder::Focus;
use crate::tui::overlay::sim::Page;
use crate::tui::overlay::support::About;
use crate::tui::overlay::{
    Builder, Confirm, Form, FormKind, Overlay, Prompt, ResultPane, SavedPane, SimPane, SupportPane,
};
use crate::tui::term::{Code, Key};

/// The keys of the top dialog with their places, on its last line, or on its last two where they
/// are many.
pub fn buttons(model: &Model) -> Vec<(Rect, Key, String)> {
    let (Some(dialog), Some(overlay)) = (dialog(model), model.overlays.last()) else { return Vec::new() };
    let lines = match overlay {
        Overlay::Columns(_) => 3,
        Overlay::Saved(_) => 2,
        _ => 1,
    };
    let inner = dialog.inner;
    let (mut x, mut y) = (inner.x + 1, inner.bottom().saturating_sub(lines));
    let mut placed = Vec::new();
    for (key, text) in offered_by(overlay) {
        let width = text.width() as u16;
        if x + width > inner.right() {
            (x, y) = (inner.x + 1, y + 1);
        }
        if y >= inner.bottom() || x + width > inner.right() {
            break;
        }
        placed.push((Rect { x, y, width, height: 1 }, key, text));
        x += width + 2;
    }
    placed
}

fn plain(code: Code, text: &str) -> (Key, String) {
    (Key::plain(code), text.to_owned())
}

fn letter(c: char, text: &str) -> (Key, String) {
    (Key::char(c), format!("[ {c} {text} ]"))
}

fn close() -> (Key, String) {
    plain(Code::Esc, "[ Esc Close ]")
}

fn offered_by(overlay: &Overlay) -> Vec<(Key, String)> {
    match overlay {
        Overlay::Confirm(confirm) => confirm_buttons(confirm),
        Overlay::Running => vec![letter('x', "Stop, change nothing"), plain(Code::Esc, "[ Esc Hide ]")],
        Overlay::Exporting => vec![letter('x', "Stop, keep no file"), plain(Code::Esc, "[ Esc Hide ]")],
        Overlay::Prompt(prompt) => prompt_buttons(prompt),
        Overlay::Levels(_) => vec![
            plain(Code::Enter, "[ Enter Preview ]"),
            plain(Code::Tab, "[ Tab Next field ]"),
            plain(Code::Esc, "[ Esc Cancel ]"),
        ],
        Overlay::Form(form) => form_buttons(form),
        Overlay::Builder(builder) => builder_buttons(builder),
        Overlay::Sim(pane) => sim_buttons(pane),
        Overlay::Support(pane) => support_buttons(pane),
        Overlay::Probe(_) | Overlay::Link(_) => vec![close(), letter('y', "Copy")],
        Overlay::Spending(_) => {
            vec![plain(Code::Tab, "[ Tab Next page ]"), letter('e', "Export"), close()]
        }
        Overlay::Alerts(_) => vec![plain(Code::Enter, "[ Enter Show ]"), close()],
        Overlay::Columns(_) => vec![
            plain(Code::Enter, "[ Enter Done ]"),
            plain(Code::Esc, "[ Esc As before ]"),
            plain(Code::Char(' '), "[ Space Show ]"),
            letter('p', "Pin"),
            letter('r', "Reset"),
            letter('K', "Up"),
            letter('J', "Down"),
            letter('-', "Less"),
            letter('+', "More"),
        ],
        Overlay::Saved(pane) => saved_buttons(pane),
        Overlay::Numbers(pane) => {
            let mut list = vec![plain(Code::Tab, "[ Tab Missing or all ]"), letter('e', "Export")];
            list.extend(pane.savable.then(|| letter('s', "Save")));
            list.push(close());
            list
        }
        Overlay::Result(result) => result_buttons(result),
        Overlay::History(pane) => {
            let mut list = vec![
                close(),
                plain(Code::Enter, "[ Enter SIMs ]"),
                letter('u', "Undo"),
                letter('f', "Filter"),
            ];
            if !pane.said.is_empty() {
                list.push(plain(Code::Backspace, "[ Backspace All ]"));
            }
            list.push(letter('e', "Export"));
            list
        }
        Overlay::Messages(_) => vec![close()],
        Overlay::Choose(_) => Vec::new(),
    }
}

fn confirm_buttons(confirm: &Confirm) -> Vec<(Key, String)> {
    let mut list = vec![plain(Code::Esc, "[ Esc Cancel ]")];
    let (key, name) = if confirm.to_type().is_some() {
        (Key::plain(Code::Enter), "Enter")
    } else {
        (Key::char('y'), "y")
    };
    if confirm.fault.is_none() && !confirm.is_idle() {
        list.push((key, format!("[ {name} {} ]", confirm.verb())));
    }
    list
}

fn prompt_buttons(prompt: &Prompt) -> Vec<(Key, String)> {
    let mut list = vec![plain(Code::Enter, "[ Enter OK ]"), plain(Code::Esc, "[ Esc Cancel ]")];
    if !prompt.purpose.options().is_empty() {
        list.push(plain(Code::Tab, "[ Tab Other choice ]"));
    }
    list
}

fn form_buttons(form: &Form) -> Vec<(Key, String)> {
    let (submit, name) = if form.in_text() {
        (Key { ctrl: true, ..Key::char('s') }, "Ctrl+S")
    } else {
        (Key::plain(Code::Enter), "Enter")
    };
    // Where there is no room for all, the way out stays.
    let mut list =
        vec![(submit, format!("[ {name} {} ]", form.verb)), plain(Code::Esc, "[ Esc Cancel ]")];
    if form.fields.len() > 1 {
        list.push(plain(Code::Tab, "[ Tab Next field ]"));
    }
    if form.purpose == FormKind::Profile {
        list.push((Key { ctrl: true, ..Key::char('e') }, "[ Ctrl+E Sessions ]".to_owned()));
    }
    list
}

fn builder_buttons(builder: &Builder) -> Vec<(Key, String)> {
    match (&builder.edit, builder.focus) {
        (Some(_), _) => vec![
            plain(Code::Enter, "[ Enter Done ]"),
            plain(Code::Tab, "[ Tab Complete ]"),
            plain(Code::Esc, "[ Esc As before ]"),
        ],
        (None, Focus::Text) => vec![plain(Code::Enter, "[ Enter Apply ]"), close()],
        (None, Focus::Rows) => {
            vec![
                letter('y', "Apply"),
                letter('s', "Save & Apply"),
                letter('r', "Reset"),
                letter('h', "Recent"),
                close(),
            ]
        }
    }
}

fn saved_buttons(pane: &SavedPane) -> Vec<(Key, String)> {
    let mut list = vec![plain(Code::Enter, "[ Enter Use ]"), letter('a', "Add")];
    if pane.cursor < pane.own.len() {
        list.extend([letter('n', "Rename"), letter('b', "Bind"), letter('K', "Up"), letter('J', "Down")]);
        list.push(letter('x', "Delete"));
    }
    list.extend([letter('e', "Export"), letter('i', "Import"), close()]);
    list
}

fn sim_buttons(pane: &SimPane) -> Vec<(Key, String)> {
    let mut list = vec![close(), plain(Code::Tab, "[ Tab Next page ]")];
    if pane.pages.open == Page::Usage {
        list.push(letter('d', if pane.periods { "Days" } else { "Periods" }));
    }
    list.extend([letter('E', "Edit"), letter('C', "Caps"), letter('m', "Actions")]);
    list
}

fn support_buttons(pane: &SupportPane) -> Vec<(Key, String)> {
    let mut list = vec![close(), plain(Code::Tab, "[ Tab Next page ]")];
    list.push(match pane.pages.open {
        About::Machine => letter('b', "Support bundle"),
        About::Help | About::News => letter('y', "Copy addresses"),
    });
    list.push(letter('?', "Keys"));
    list
}

fn result_buttons(result: &ResultPane) -> Vec<(Key, String)> {
    let mut list = vec![close(), plain(Code::Tab, "[ Tab Next outcome ]")];
    if result.retries() {
        list.push(letter('r', "Retry left out"));
    }
    if result.counts.missed_count() > 0 {
        list.push(letter('s', "Select"));
    }
    list.push(letter('e', "Export"));
    if result.undoable {
        list.push(letter('u', "Undo"));
    }
    list
}

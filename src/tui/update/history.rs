//! The log of changes on the screen: what it is wanted of, and the file it goes to.

use estate::{Change, LogFilter, Time};

use super::answers::report_failure;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::form::Entry;
use crate::tui::overlay::{Form, FormKind, HistoryPane, Overlay, Prompt, PromptKind};

/// Opens the log.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let pane = HistoryPane { loading: true, more: true, ..HistoryPane::default() };
    model.overlays.push(Overlay::History(pane));
    vec![read(model, LogFilter::default())]
}

fn read(model: &mut Model, wanted: LogFilter) -> Effect {
    model.tickets.log = model.tickets.take();
    Effect::History { ticket: model.tickets.log, wanted: Box::new(wanted) }
}

/// Reads more of it.
pub fn more(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::History(history)) = model.overlays.last() else { return Vec::new() };
    let next = history.next();
    vec![read(model, next)]
}

/// Asks what it is wanted of.
pub fn narrow(model: &mut Model) -> Vec<Effect> {
    let here = model.accounts.get(model.query.under).map(|a| a.name.clone()).unwrap_or_default();
    let kinds: Vec<&str> = std::iter::once("any").chain(Change::KINDS).collect();
    let scope = format!("{here} and below");
    let when = "2026-11-27, 2026-11-27T08:00Z, or an age such as 7d or 12h; UTC";
    let fields = vec![
        Entry::line("by", "Person", "part of a name or of an address", ""),
        Entry::choice("account", "Account", "where it was changed", 0, &["everywhere", &scope]),
        Entry::line("sim", "SIM", "an ICCID, with or without its check digit", ""),
        Entry::choice("kind", "Kind", "Left and Right choose", 0, &kinds),
        Entry::line("since", "Since", when, ""),
        Entry::line("until", "Until", when, ""),
    ];
    let form = Form::new("Which changes".to_owned(), "Show", FormKind::History, fields);
    model.overlays.push(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// Shows all of it again.
pub fn whole(model: &mut Model) -> Vec<Effect> {
    show(model, LogFilter::default(), String::new())
}

/// Reads what was asked for in the form.
pub fn read_form(model: &mut Model) -> Vec<Effect> {
    let (under, now) = (model.query.under, model.now);
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    let mut times = [None; 2];
    for (time, key) in times.iter_mut().zip(["since", "until"]) {
        let text = form.text(key);
        match Time::parse_or_ago(&text, now) {
            _ if text.is_empty() => {}
            Ok(read) => *time = Some(read),
            Err(error) => {
                form.blame_on(key, &error);
                return Vec::new();
            }
        }
    }
    let kind = form.chosen_index("kind").checked_sub(1).and_then(|at| Change::KINDS.get(at));
    let by = form.text("by");
    let wanted = LogFilter {
        by: (!by.is_empty()).then_some(by),
        account: (form.chosen_index("account") == 1).then_some(under),
        kind: kind.map(|kind| (*kind).to_owned()),
        since: times[0],
        until: times[1],
        ..LogFilter::default()
    };
    let iccid = form.text("sim");
    model.tickets.work = model.tickets.take();
    vec![Effect::FindHistory { ticket: model.tickets.work, wanted: Box::new(wanted), iccid }]
}

/// The SIM was looked up: the log is read, or the form says that there is none.
pub fn open_found(model: &mut Model, answer: estate::Result<Box<LogFilter>>) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    if form.purpose != FormKind::History {
        return Vec::new();
    }
    let wanted = match answer {
        Ok(wanted) => *wanted,
        Err(error) => {
            form.blame_on("sim", &error);
            return Vec::new();
        }
    };
    let iccid = form.text("sim");
    model.overlays.pop();
    let mut parts: Vec<String> = wanted.by.iter().map(|by| format!("«{by}»")).collect();
    parts.extend(wanted.kind.clone());
    parts.extend(wanted.account.and_then(|id| model.accounts.get(id)).map(|a| format!("in {}", a.name)));
    parts.extend(wanted.sim.map(|_| format!("SIM {iccid}")));
    let zone = model.theme.zone;
    let moment = |at| format!("{} {}", zone.minute(at), zone.short_name());
    parts.extend(wanted.since.map(|at| format!("since {}", moment(at))));
    parts.extend(wanted.until.map(|at| format!("until {}", moment(at))));
    show(model, wanted, parts.join(", "))
}

fn show(model: &mut Model, wanted: LogFilter, words: String) -> Vec<Effect> {
    let Some(Overlay::History(history)) = model.overlays.last_mut() else { return Vec::new() };
    *history = HistoryPane {
        loading: true,
        more: true,
        wanted: wanted.clone(),
        said: words,
        ..HistoryPane::default()
    };
    vec![read(model, wanted)]
}

/// Takes what was read.
pub fn set_entries(model: &mut Model, answer: estate::Result<Vec<estate::Entry>>) {
    let entries = report_failure(model, answer).unwrap_or_default();
    let panes = model.overlays.iter_mut().rev();
    if let Some(Overlay::History(history)) =
        panes.into_iter().find(|overlay| matches!(overlay, Overlay::History(_)))
    {
        history.loading = false;
        history.more = entries.len() >= 100;
        history.entries.extend(entries);
    }
}

/// The log has a new first line, and perhaps an undone one.
pub fn again(model: &mut Model) -> Vec<Effect> {
    let mut wanted = None;
    for overlay in &mut model.overlays {
        if let Overlay::History(history) = overlay {
            history.entries.clear();
            (history.loading, history.cursor) = (true, 0);
            wanted = Some(history.wanted.clone());
        }
    }
    wanted.map(|wanted| read(model, wanted)).into_iter().collect()
}

/// Asks where to write it.
pub fn export(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::History(history)) = model.overlays.last() else { return Vec::new() };
    let purpose = PromptKind::History(Box::new(history.wanted.clone()));
    let prompt = Prompt::new("Export the history", "a new file, as CSV", "history.csv", purpose);
    model.overlays.push(Overlay::Prompt(prompt));
    Vec::new()
}

//! What SIMs have used: the details of one, the alerts screen, and what is new there.

use estate::{Query, SimId};

use super::answers::report_failure;
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Msg};
use crate::tui::overlay::pages::Page;
use crate::tui::overlay::spending::By;
use crate::tui::overlay::{AlertsPane, Overlay, Prompt, PromptKind, SimPane, SpendingPane};

/// Opens the details of the SIM under the cursor.
pub fn details(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.table.current() else { return Vec::new() };
    let sim = &row.row.sim;
    let (id, iccid, label) = (sim.id, sim.iccid.clone(), sim.label.clone());
    details_of(model, id, iccid, label)
}

/// Opens the details of a SIM, whether the list shows it or not.
pub fn details_of(model: &mut Model, id: SimId, iccid: String, label: String) -> Vec<Effect> {
    model.tickets.sim = model.tickets.take();
    model.overlays.push(Overlay::Sim(Box::new(SimPane::new(id, iccid, label))));
    vec![Effect::Sim { ticket: model.tickets.sim, id }]
}

/// Opens the alerts screen on the account the list shows.
pub fn alerts(model: &mut Model) -> Vec<Effect> {
    let name = model.accounts.get(model.query.under).map(|a| a.name.clone()).unwrap_or_default();
    model.overlays.push(Overlay::Alerts(AlertsPane { account: name, ..AlertsPane::default() }));
    vec![attention(model)]
}

/// Opens the estate history of the account the list shows.
pub fn spending(model: &mut Model) -> Vec<Effect> {
    let account = model.query.under;
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    model.tickets.sim = model.tickets.take();
    model.overlays.push(Overlay::Spending(SpendingPane::new(account, name)));
    vec![Effect::Spending { ticket: model.tickets.sim, account }]
}

/// Asks where to write the page of the estate history that is open.
pub fn export_spending(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Spending(pane)) = model.overlays.last() else { return Vec::new() };
    let Some(usage) = &pane.usage else { return Vec::new() };
    let by = pane.pages.open;
    let (head, rows): (&[&str], Vec<Vec<String>>) = match by {
        By::Account => {
            let path = |id| estate::text::defuse(&model.accounts.path(id)).into_owned();
            let row = |a: &estate::AccountUsage| {
                vec![a.account.map(path).unwrap_or_default(), a.month.to_string(), a.year.to_string()]
            };
            (&["account", "bytes_30_days", "bytes_a_year"], usage.accounts.iter().map(row).collect())
        }
        By::Day | By::Month => {
            let (head, length): (&[&str], usize) =
                if by == By::Day { (&["day", "bytes"], 10) } else { (&["month", "bytes"], 7) };
            let row = |s: &estate::UsageBucket| {
                vec![s.period.start.day()[..length].to_owned(), s.bytes.to_string()]
            };
            (head, pane.spent().iter().map(row).collect())
        }
    };
    let purpose = PromptKind::Text(csv(head, &rows), rows.len() as u64);
    let what = format!("Export usage by {}", by.title().to_lowercase());
    model.overlays.push(Overlay::Prompt(Prompt::new(what, "the file to write", "usage.csv", purpose)));
    Vec::new()
}

/// Rows under a header. Writing to memory fails for nobody.
fn csv(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let _ = writer.write_record(head);
    for row in rows {
        let _ = writer.write_record(row);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// Counts anew what needs attention.
pub fn attention(model: &mut Model) -> Effect {
    model.tickets.alerts = model.tickets.take();
    let query = Query::all(model.query.under, model.now);
    Effect::Alerts { ticket: model.tickets.alerts, query: Box::new(query) }
}

/// Takes what was read.
pub fn answer(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Spending(ticket, answer) if ticket == model.tickets.sim => {
            let usage = report_failure(model, answer);
            if let Some(Overlay::Spending(pane)) = model.overlays.last_mut() {
                pane.usage = usage;
            }
        }
        Msg::News(answer) => {
            let Some(news) = report_failure(model, answer) else { return Vec::new() };
            if news.rollover_key != model.news.rollover_key {
                news.rollover.iter().for_each(|text| model.messages.say(text.clone()));
            }
            model.news = news;
        }
        Msg::Sim(ticket, answer) if ticket == model.tickets.sim => {
            let facts = report_failure(model, answer);
            for overlay in &mut model.overlays {
                if let Overlay::Sim(pane) = overlay {
                    pane.facts.clone_from(&facts);
                }
            }
        }
        Msg::Alerts(ticket, answer) if ticket == model.tickets.alerts => {
            let Some((counts, events)) = report_failure(model, answer) else { return Vec::new() };
            let newest = events.first().map(|event| event.id);
            for overlay in &mut model.overlays {
                if let Overlay::Alerts(pane) = overlay {
                    (pane.counts, pane.events) = (counts.clone(), Some(events.clone()));
                }
            }
            // Whoever has seen all there is has heard it.
            let everything = model.accounts.top().is_some_and(|top| top.id == model.query.under);
            if let Some(newest) =
                newest.filter(|_| everything && model.news.alerts > 0 && !model.read_only)
            {
                return vec![Effect::Hear(newest)];
            }
        }
        _ => {}
    }
    Vec::new()
}

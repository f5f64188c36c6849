//! What SIMs have used: the details of one, the alerts screen, and what is new there.

use estate::{Query, SimId};

use super::answers::said;
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Msg};
use crate::tui::overlay::{AlertsPane, Overlay, SimPane};

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

/// Counts anew what needs attention.
pub fn attention(model: &mut Model) -> Effect {
    model.tickets.alerts = model.tickets.take();
    let query = Query::all(model.query.under, model.now);
    Effect::Alerts { ticket: model.tickets.alerts, query: Box::new(query) }
}

/// Takes what was read.
pub fn answer(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::News(answer) => model.news = said(model, answer).unwrap_or(model.news),
        Msg::Sim(ticket, answer) if ticket == model.tickets.sim => {
            let facts = said(model, answer);
            for overlay in &mut model.overlays {
                if let Overlay::Sim(pane) = overlay {
                    pane.facts.clone_from(&facts);
                }
            }
        }
        Msg::Alerts(ticket, answer) if ticket == model.tickets.alerts => {
            let Some((counts, events)) = said(model, answer) else { return Vec::new() };
            let newest = events.first().map(|event| event.id);
            for overlay in &mut model.overlays {
                if let Overlay::Alerts(pane) = overlay {
                    (pane.counts, pane.events) = (counts.clone(), Some(events.clone()));
                }
            }
            // Whoever has seen all there is has heard it.
            let everything = model.accounts.top().is_some_and(|top| top.id == model.query.under);
            if let Some(newest) = newest.filter(|_| everything && model.news > 0 && !model.read_only) {
                return vec![Effect::Hear(newest)];
            }
        }
        _ => {}
    }
    Vec::new()
}

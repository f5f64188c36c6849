//! Ping and diagnostics on the screen.

use super::files;
use crate::probe::Kind;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::Overlay;
use crate::tui::overlay::probe::ProbePane;
use crate::tui::overlay::response::DialogResponse;

/// Asks the network of the SIM that is meant.
pub fn ask(model: &mut Model, kind: Kind) -> Vec<Effect> {
    let Some(sim) = model.one_sim().cloned() else { return Vec::new() };
    let Some(probe) = model.probes.of(kind, &sim.network).cloned() else { return Vec::new() };
    model.tickets.probe = model.tickets.take();
    let subject = crate::tui::model::short_iccid(&sim.iccid);
    model.overlays.push(Overlay::Probe(Box::new(ProbePane {
        kind,
        sim: sim.id,
        subject,
        said: None,
        top: 0,
    })));
    let (ticket, limit) = (model.tickets.probe, model.probes.limit());
    vec![Effect::Probe { ticket, sim: sim.id, kind, probe: Box::new(probe), limit }]
}

/// Takes what was said.
pub fn show_answer(model: &mut Model, answer: estate::Result<String>) {
    if let Some(Overlay::Probe(pane)) =
        model.overlays.iter_mut().rev().find(|overlay| matches!(overlay, Overlay::Probe(_)))
    {
        pane.said = Some(answer.map_err(|error| error.to_string()));
    }
}

/// Copies what was said.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Probe(pane)) = model.overlays.last() else { return Vec::new() };
    let text = pane.lines().join("\n");
    files::copy(model, text, "what it said")
}

/// Closing it ends the question too.
pub fn closes(reply: &DialogResponse, model: &Model) -> Option<Effect> {
    let awaited = matches!(model.overlays.last(), Some(Overlay::Probe(pane)) if pane.said.is_none());
    (awaited && *reply == DialogResponse::Close).then_some(Effect::CancelProbe)
}

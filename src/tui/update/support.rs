//! Help and Support: opened, previewed, copied from, and what goes to whoever helps.

use estate::Help;

use super::answers::report_failure;
use super::{files, menus};
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::{Overlay, Prompt, PromptKind, SupportPane};

/// Opens what the account above has set.
pub fn open(model: &mut Model) -> Vec<Effect> {
    model.tickets.work = model.tickets.take();
    let pane = SupportPane::new(None, None, model.machine.clone());
    model.overlays.push(Overlay::Support(Box::new(pane)));
    vec![Effect::Help { ticket: model.tickets.work }]
}

/// Shows help as those below an account see it.
pub fn preview(model: &mut Model, help: Help, account: String) -> Vec<Effect> {
    let pane = SupportPane::new(Some(help), Some(account), model.machine.clone());
    model.overlays.push(Overlay::Support(Box::new(pane)));
    Vec::new()
}

/// Takes what was read; without anything set it is simdeck's own.
pub fn set_help(model: &mut Model, answer: estate::Result<Option<Help>>) {
    let help = report_failure(model, answer).flatten().unwrap_or_else(crate::support::own);
    if let Some(Overlay::Support(pane)) = model.overlays.last_mut() {
        pane.help = Some(help);
    }
}

/// Copies the addresses of the page.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Support(pane)) = model.overlays.last() else { return Vec::new() };
    let links = pane.links();
    if links.is_empty() {
        model.messages.say("there is no address on the page to copy");
        return Vec::new();
    }
    files::copy(model, links.join("\n"), &links.join(" "))
}

/// Asks where to write what is known of this machine.
pub fn bundle(model: &mut Model) -> Vec<Effect> {
    let text = crate::doctor::bundle(&model.machine);
    let lines = text.lines().count() as u64;
    let hint = "a new file, without names, numbers and addresses";
    let prompt =
        Prompt::new("Support bundle", hint, "simdeck-support.txt", PromptKind::Text(text, lines));
    model.overlays.push(Overlay::Prompt(prompt));
    Vec::new()
}

/// Every key, over the help.
pub fn keys(model: &mut Model) -> Vec<Effect> {
    model.overlays.pop();
    menus::help(model)
}

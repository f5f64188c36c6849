//! Managed accounts: the page of the account under the tree's cursor, and what its lines are for.

use estate::{AccountId, Change, Query, Role, User, UserChange, UserId, UserState};

use super::answers::report_failure;
use super::{act, dialogs, files, forms, menus, support};
use crate::tui::keymap::Pane;
use crate::tui::layout;
use crate::tui::managed::{Facts, HelpLine, Managed, PageAction};
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::link::LinkPane;
use crate::tui::overlay::response::MenuChoice;
use crate::tui::overlay::{Choosable, Chooser, Overlay, Prompt, PromptKind};

/// Opens the page in place of the SIMs, or closes it.
pub fn toggle(model: &mut Model) -> Vec<Effect> {
    if model.page.is_some() {
        return close(model);
    }
    model.page = Some(Managed::new());
    model.table.range = None;
    if layout::has_tree(model) {
        model.focus = Pane::Tree;
    }
    Vec::new()
}

/// Shows the SIMs again, those of the account under the cursor.
pub fn close(model: &mut Model) -> Vec<Effect> {
    model.page = None;
    model.focus = Pane::Table;
    model.requery()
}

/// Opens the page on the help of the account.
pub fn help(model: &mut Model) -> Vec<Effect> {
    let mut page = model.page.take().unwrap_or_default();
    page.open_tab(3);
    model.page = Some(page);
    model.focus = Pane::Table;
    Vec::new()
}

/// Reads what the page shows.
pub fn read(model: &mut Model) -> Effect {
    model.tickets.account = model.tickets.take();
    let query = Query::all(model.tree.cursor, model.now);
    let below = model.accounts.subtree(model.tree.cursor).len() > 1;
    Effect::Account { ticket: model.tickets.account, query: Box::new(query), below }
}

/// Takes what was read.
pub fn set_facts(model: &mut Model, answer: estate::Result<Box<Facts>>) {
    if let (Some(facts), Some(page)) = (report_failure(model, answer), &mut model.page) {
        page.set_facts(facts);
    }
}

/// Does what a line of the page is for.
pub fn wish(model: &mut Model, wish: PageAction) -> Vec<Effect> {
    let account = model.tree.cursor;
    match wish {
        PageAction::Nothing => Vec::new(),
        PageAction::Run(action) => act::run(model, action),
        PageAction::Tab(tab) => {
            if let Some(page) = &mut model.page {
                page.pages.open(tab);
                page.cursor = 0;
            }
            Vec::new()
        }
        PageAction::User(user) => {
            user_menu(model, &user);
            Vec::new()
        }
        PageAction::Strip(address) => {
            let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
            let title = format!("Take {address} off {name} and its SIMs");
            menus::confirm(model, title, Change::RemoveExternal { account, address }, Some(0))
        }
        PageAction::Help(line) => about_help(model, account, line),
        PageAction::Open(entry) => dialogs::open_entry(model, &entry),
    }
}

/// What can be done about a user.
fn user_menu(model: &mut Model, user: &User) {
    let own = user.id == model.me.id;
    let mine = "nobody changes themselves: P is your profile";
    let closed = model.read_only.then_some("this session is read-only");
    let line = |name: String, choice: MenuChoice, why: Option<&str>| Choosable {
        why: closed.or(why).map(str::to_owned),
        ..Choosable::new(name, "", choice)
    };
    let change = |to| MenuChoice::User(user.id, to);
    let mut items: Vec<Choosable> = Role::ALL
        .into_iter()
        .filter(|role| *role != user.role)
        .map(|role| {
            line(format!("Make them {role}"), change(UserChange::Role(role)), own.then_some(mine))
        })
        .collect();
    items.extend(match user.state {
        UserState::Invited => {
            vec![line("Send the invitation again".into(), change(UserChange::Invite), None)]
        }
        UserState::Active => {
            vec![line(
                "Keep them from signing in".into(),
                change(UserChange::Disable),
                own.then_some(mine),
            )]
        }
        UserState::Disabled => {
            vec![line("Let them sign in again".into(), change(UserChange::Enable), None)]
        }
    });
    if user.state != UserState::Disabled {
        let name = match user.state {
            UserState::Invited => "Make a link to accept by",
            _ => "Make a link for another password",
        };
        let nowhere = "no server is known here: url = in the configuration says where it is";
        items.push(line(
            name.into(),
            MenuChoice::Link(user.id),
            model.site.links.is_none().then_some(nowhere),
        ));
    }
    if user.state == UserState::Active {
        items.push(line("Sessions…".into(), MenuChoice::Sessions(Some(user.id)), None));
    }
    items.push(line("Remove them…".into(), change(UserChange::Remove), own.then_some(mine)));
    let seen = own.then_some("you see it already");
    items.push(line("See what they see…".into(), MenuChoice::ViewAs(user.id), seen));
    model.overlays.push(Overlay::Choose(Chooser::menu(
        format!("{} · {}", user.name, user.email),
        None,
        items,
    )));
}

/// Has a link made; it is shown once, and works once.
pub fn link(model: &mut Model, id: UserId) -> Vec<Effect> {
    let email = user(model, id).map(|user| user.email.clone());
    email.map(|email| Effect::Link(id, email)).into_iter().collect()
}

/// A link was made.
pub fn show_link(model: &mut Model, email: &str, link: &estate::Link) -> Vec<Effect> {
    if let Some(address) = &link.mailed_to {
        model
            .messages
            .say(format!("The link was mailed to {address}; it works once, until {}", link.expires));
        return Vec::new();
    }
    let Some(address) = model.site.links.as_deref().and_then(|base| link.url(base)) else {
        return Vec::new();
    };
    let about = format!(
        "It lets whoever has it in, once, until {}. Hand it to them: it is shown only now.",
        link.expires
    );
    model.push_under(Overlay::Link(Box::new(LinkPane { email: email.to_owned(), address, about })));
    copy_link(model)
}

/// Copies the link that is shown.
pub fn copy_link(model: &mut Model) -> Vec<Effect> {
    let shown = model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Link(pane) => Some(pane.address.clone()),
        _ => None,
    });
    // What is said of it is logged: the link is not.
    shown.map(|address| files::copy(model, address, "the link")).unwrap_or_default()
}

/// The user of that number on the page.
fn user(model: &Model, id: UserId) -> Option<&User> {
    model.page.as_ref()?.facts.as_ref()?.users.iter().find(|user| user.id == id)
}

/// Changes a user: what a word brings back is done at once.
pub fn change_user(model: &mut Model, id: UserId, to: UserChange) -> Vec<Effect> {
    let Some(email) = user(model, id).map(|user| user.email.clone()) else { return Vec::new() };
    let change = Change::ChangeUser { user: id, to };
    let what = match to {
        UserChange::Role(role) => format!("Make {email} {role}"),
        UserChange::Invite => format!("Invite {email} again"),
        UserChange::Disable => format!("Keep {email} from signing in"),
        UserChange::Enable => format!("Let {email} sign in again"),
        UserChange::Remove => return menus::confirm(model, format!("Remove {email}"), change, Some(0)),
    };
    dialogs::make(model, change, what, 0)
}

fn about_help(model: &mut Model, account: AccountId, line: HelpLine) -> Vec<Effect> {
    let Some(facts) = model.page.as_ref().and_then(|page| page.facts.clone()) else { return Vec::new() };
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    match line {
        HelpLine::Write => forms::help_page(model, account, facts.help.as_ref(), None),
        HelpLine::Contact => forms::contact(model, account, facts.help.as_ref()),
        HelpLine::Load => {
            let title = format!("Help for those below {name}");
            let prompt =
                Prompt::new(title, "the Markdown file with the page", "", PromptKind::HelpFile(account));
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        HelpLine::Preview => {
            let seen = facts.help.or(facts.seen).unwrap_or_else(crate::support::own);
            support::preview(model, seen, name)
        }
        HelpLine::Leave if facts.help.is_none() => {
            model.messages.say("nothing is set here: those below see that of the account above already");
            Vec::new()
        }
        HelpLine::Leave => {
            let change = Change::SetHelp { account, help: None };
            menus::confirm(
                model,
                format!("Leave the help below {name} to the account above"),
                change,
                Some(0),
            )
        }
    }
}

/// Moves the page's cursor to a line, and does what it is for when it was there already.
pub fn click(model: &mut Model, line: usize, right: bool) -> Vec<Effect> {
    model.focus = Pane::Table;
    let Some(page) = &mut model.page else { return Vec::new() };
    let again = std::mem::replace(&mut page.cursor, line) == line || right;
    let wanted = if again { page.wish() } else { PageAction::Nothing };
    wish(model, wanted)
}

/// The account under the tree's cursor is another one: its SIMs are read, unless its page stands in
/// their place.
pub fn follow_cursor(model: &mut Model) -> Vec<Effect> {
    if model.page.is_some() { Vec::new() } else { model.requery() }
}

/// The page is that of the account under the tree's cursor, however the cursor got there.
pub fn follow(model: &mut Model) -> Option<Effect> {
    let account = model.tree.cursor;
    let page = model.page.as_mut().filter(|page| page.account != Some(account))?;
    (page.account, page.facts, page.cursor) = (Some(account), None, 0);
    Some(read(model))
}

/// Opens a page by its place.
pub fn open_tab(model: &mut Model, tab: usize) -> Vec<Effect> {
    model.focus = Pane::Table;
    if let Some(page) = &mut model.page {
        page.open_tab(tab);
    }
    Vec::new()
}

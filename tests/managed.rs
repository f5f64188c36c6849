//! Managed accounts, users, help and support on the screen.

mod common;

use common::{session, session_as};
use estate::{CancelToken, Change, ChangeId, Help, Local, Role, UserState};
use simdeck::tui::harness::Session;
use simdeck::tui::hit_test::Hit;
use simdeck::tui::msg::Effect;
use simdeck::tui::overlay::Overlay;
use simdeck::tui::term::Button;

fn apply(session: &Session, change: &Change) {
    let going = |_| std::ops::ControlFlow::Continue(());
    session.estate.apply(&ChangeId::new(), change, &going).expect("made");
}

fn users(session: &Session) -> Vec<(String, Role, UserState)> {
    let account = session.model.tree.cursor;
    let users = session.estate.users(Some(account), &CancelToken::new()).expect("users");
    users.into_iter().map(|u| (u.email, u.role, u.state)).collect()
}

#[test]
fn the_page_of_an_account_stands_in_place_of_its_sims() {
    let (_dir, mut session) = session((80, 24));
    session.keys("T");
    session.shows("[Overview]");
    session.shows("400 with those below");
    // The tree leads, and its keys work from either side.
    session.keys("<Down>");
    session.shows("Northstar Connect / Alder & Finch Vending");
    session.keys("<Tab><Right><Right>");
    session.shows("[Settings]");
    session.keys("<Down><Enter>");
    session.shows("Reference of Alder & Finch Vending");
    session.keys("C-1007<Enter>");
    session.shows("Reference     C-1007");
    session.keys("m");
    session.shows("Rename the account…");
    session.keys("<Esc>T");
    session.shows("SIMs in Alder & Finch Vending and below");
    assert!(session.model.page.is_none());
    // A message first, then the page: Esc takes one thing at a time.
    session.keys("T<Esc><Esc>");
    assert!(session.model.page.is_none());
}

#[test]
fn users_are_invited_changed_and_removed() {
    let (_dir, mut session) = session((100, 30));
    session.keys("T<Down><Tab><Right><Enter>");
    session.shows("Invite a user to Alder & Finch Vending");
    session.keys("Zoe Kerr<Tab>zoe<Enter>");
    session.shows("email: must be an address");
    session.keys("@kerr.example<Tab><Right><Enter>");
    session.shows("done");
    let zoe = ("zoe@kerr.example".to_owned(), Role::Admin, UserState::Invited);
    assert!(users(&session).contains(&zoe), "{:?}", users(&session));
    session.shows("Invited");
    // Refused by the store, the form stays with what was typed.
    session.keys("<Home><Enter>Zoe<Tab>ZOE@kerr.example<Enter>");
    session.shows("is a user of this account already");
    session.shows("ZOE@kerr.example");
    session.keys("<Esc><Esc><End><Enter>");
    session.shows("Send the invitation again");
    session.keys("<Enter>");
    session.shows("Make zoe@kerr.example View Only");
    // A link to accept by is shown and copied.
    session.keys("<Enter><End><Up><Up>");
    session.shows("Make a link to accept by");
    session.keys("<Enter>");
    session.shows("https://sims.example/accept/simdeck_");
    let copied = session.outside.iter().any(|effect| {
        matches!(effect, Effect::Clipboard(text) if text.starts_with("https://sims.example/accept/simdeck_"))
    });
    assert!(copied, "{:?}", session.outside);
    session.outside.clear();
    session.keys("y");
    assert!(
        matches!(&session.outside[..], [Effect::Clipboard(text)] if text.starts_with("https://sims."))
    );
    // What is said goes to a log: the link does not.
    let all = &session.model.messages.all;
    assert!(all.iter().all(|message| !message.text.contains("simdeck_")), "{all:?}");
    session.keys("<Esc>");
    assert!(!session.text().contains("simdeck_"), "shown once: {}", session.text());
    session.keys("<Enter><End><Up><Enter>");
    session.shows("Remove zoe@kerr.example");
    session.keys("y");
    assert!(users(&session).iter().all(|(email, ..)| email != "zoe@kerr.example"));
    assert!(!session.text().contains("u undoes it"), "nothing takes it back: {}", session.text());
    // The menu of a user is there by key and by the right mouse button.
    session.keys("<Down>m");
    session.shows("See what they see");
    session.keys("<Esc>");
    let at = session.hit(|hit| hit == Hit::Item(1));
    session.click(Button::Right, at);
    session.keys("<End><Enter>");
    assert!(matches!(session.outside.last(), Some(Effect::ViewAs(_))), "{:?}", session.outside.last());
}

#[test]
fn sessions_are_listed_and_ended_on_the_profile_and_for_users() {
    let (_dir, mut session) = session((120, 30));
    // The store itself has none.
    session.keys("P<C-e>");
    session.shows("the store itself has none");
    let path = session.estate.local().expect("local").path().to_owned();
    let begun = |email: &str, times: usize| {
        let local = Local::open(&path, Some(email), false).expect("session").with_clock(|| common::NOW);
        (0..times).for_each(|_| drop(local.begin_session().expect("begun")));
    };
    let own = session.estate.me().email.clone();
    begun(&own, 3);
    let left = |session: &Session, of| session.estate.sessions(of).expect("sessions").len();
    let me = session.estate.me().id;
    session.keys("P");
    session.shows("Ctrl+E Sessions");
    session.keys("<C-e>");
    session.shows("unknown program");
    session.shows("Enter ends one");
    session.keys("<Enter>");
    session.shows("1 session ended");
    assert_eq!(left(&session, me), 2);
    session.keys("<End><Enter>");
    session.shows("2 sessions ended");
    assert_eq!(left(&session, me), 0);
    // What was typed in the profile is not lost.
    session.keys("PAda<C-e>");
    session.shows("save the profile first, or leave it");
    session.keys("<Esc><Esc>");
    // An Admin does the same for a user.
    session.keys("T<Down><Tab><Right><End>");
    let account = session.model.tree.cursor;
    let users = session.estate.users(Some(account), &CancelToken::new()).expect("users");
    let user = users.iter().rfind(|user| user.state == UserState::Active).expect("active").clone();
    begun(&user.email, 1);
    let at = session.place_of(&user.name);
    session.click(Button::Right, at);
    session.shows("Sessions…");
    session.keys("<End><Up><Up><Enter>");
    session.shows("unknown program");
    session.keys("<Enter>");
    session.shows("1 session ended");
    assert_eq!(left(&session, user.id), 0);
}

#[test]
fn what_one_cannot_do_is_greyed_with_the_reason() {
    let (_dir, mut session) = session((100, 30));
    session.keys("T<Tab><Right><Down><Enter><Enter>");
    session.shows("nobody changes themselves");
    let (_dir, mut session) = session_as((100, 30), Role::User, false);
    session.keys("T");
    session.shows("may not manage accounts and their users");
    assert!(session.model.page.is_none());
}

#[test]
fn settings_take_and_lose_external_addresses() {
    let (_dir, mut session) = session((100, 30));
    session.keys("T<Down><Tab><Right><Right><End><Enter>");
    session.shows("Who else hears of");
    session.keys("nobody<Enter>");
    session.shows("must be an address");
    session.keys("<C-u>ops@alder.example<Enter>");
    session.shows("ops@alder.example (mail); Enter takes it away");
    session.keys("<End><Enter>");
    session.shows("Take ops@alder.example off Alder & Finch Vending");
    session.keys("y");
    assert!(!session.text().contains("(mail)"), "{}", session.text());
}

#[test]
fn help_is_written_previewed_and_left_to_the_account_above() {
    let (_dir, mut session) = session((80, 24));
    session.keys("<Tab>o");
    session.shows("[Help]");
    session.shows("page «Northstar Connect support»");
    session.keys("<End><Enter>");
    session.shows("Those below see what the account above it has set.");
    session.keys("y");
    session.shows("what is set above: simdeck's own page");
    session.keys("<Left><Left><Left>");
    session.shows("no help contact");
    session.keys("<Enter>");
    session.shows("[Help]");
    session
        .keys("<Enter><C-u>Ask us<Tab># Alder<Enter><Enter>Mail [us](mailto:help@alder.example).<C-s>");
    session.shows("page «Ask us»");
    session.keys("<Down><Down><Down><Enter>");
    session.shows("Ask us, as those below Northstar Connect see it");
    session.shows("Mail us <help@alder.example>.");
    session.keys("y");
    assert_eq!(session.outside.last(), Some(&Effect::Clipboard("help@alder.example".into())));
    session.keys("<Esc>");
    // One's own help is that of the account above: for the root simdeck's own.
    session.keys("<F1>");
    session.shows("Where to begin");
    session.keys("<Tab>");
    session.shows("Unreleased");
    session.keys("<Tab>b");
    session.shows("simdeck-support.txt");
    session.keys("<Esc>?");
    session.shows("Help: type to search");
}

#[test]
fn categories_become_accounts_and_go_again() {
    let (_dir, mut session) = session((100, 30));
    let before = session.count("account=\"Harbour Freight Lines\"");
    session.keys("<Tab>/harbour freight lines<Enter>gk<Enter>");
    session.shows("Make accounts of the categories of Harbour Freight Lines");
    session.shows("to Docklands Couriers");
    let text = session.text();
    let (_, rest) = text.split_once("Type ").expect("a number to type");
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    session.keys(&format!("{number}<Enter>"));
    assert!(session.count("account=\"Docklands Couriers\"") > 0, "{}", session.text());
    session.keys("<Esc>u");
    session.shows("Undo:");
    let text = session.text();
    let number: String = text
        .split_once("Type ")
        .map_or_else(String::new, |(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
    session.keys(&format!("{number}<Enter>"));
    assert_eq!(session.count("account=\"Harbour Freight Lines\""), before);
    assert!(session.model.accounts.find("Docklands Couriers").is_err());
}

#[test]
fn a_contact_is_a_pop_up_and_works_on_a_small_screen() {
    let (_dir, mut session) = session((60, 20));
    let contact = estate::Contact {
        name: "Alder desk".into(),
        phone: "+44 20 7946 0000".into(),
        hours: "weekdays 9-17 UTC".into(),
        ..estate::Contact::default()
    };
    let account = session.model.me.account;
    apply(&session, &Change::SetHelp { account, help: Some(Box::new(Help::Contact(contact))) });
    session.keys("T<Tab>");
    session.keys("<Right><Right><Right><Down><Down><Down><Enter>");
    session.shows("Alder desk");
    session.shows("+44 20 7946 0000");
    let at = session.hit(|hit| hit == Hit::Tab(2));
    session.click(Button::Left, at);
    session.shows("TERM");
    session.click_on(Button::Left, |hit| hit == Hit::Outside);
    assert!(session.model.overlays.is_empty());
}

#[test]
fn the_page_works_by_mouse() {
    let (_dir, mut session) = session((100, 30));
    session.keys("T");
    session.click_on(Button::Left, |hit| hit == Hit::Tab(1));
    session.shows("[Users]");
    let line = session.hit(|hit| hit == Hit::Item(0));
    session.click(Button::Left, line);
    session.shows("Invite a user to");
}

#[test]
fn the_profile_is_ones_own() {
    let (_dir, mut session) = session_as((80, 24), Role::ViewOnly, false);
    session.keys("P");
    session.shows("My profile");
    session.keys("<C-u>Cleo Marsh-Lee<Tab><Tab><Right><Enter>y");
    assert_eq!(session.model.me.name, "Cleo Marsh-Lee");
    assert_eq!(session.estate.wants_mail(&CancelToken::new()), Ok(true));
    session.shows("Cleo Marsh-Lee · View Only");
    // Whether an address is somebody's is not to be found out here: it is theirs who signs in by
    // it.
    session.keys("P<Tab><C-u>nobody<Enter>");
    session.shows("must be an address");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Form(_))), "nothing is lost");
    session.keys("<C-u>ada@northstar.example<Enter>y");
    session.shows("done");
    assert_eq!(session.model.me.email, "cleo@northstar.example");
}

//! The history on the screen: narrowed, read SIM by SIM, written to a file.

mod common;

use common::session;
use simdeck::tui::overlay::Overlay;

#[test]
fn the_history_is_narrowed_by_what_one_knows() {
    let (dir, mut session) = session((100, 30));
    session.keys("Ss<Enter>y<Esc>h");
    session.shows("suspended 1 SIM");
    session.shows("imported 400 SIMs");
    session.keys("f<Down><Down><Down><Right><Right><Right><Right><Right><Right><Enter>");
    session.shows("History of suspend");
    session.shows("suspended 1 SIM");
    assert!(!session.text().contains("imported 400"), "{}", session.text());
    session.keys("<Enter>");
    session.shows("not suspended → suspended");
    session.keys("<Esc><BS>");
    session.shows("imported 400 SIMs");
    // What is wrong is said at its field, and stays to be mended.
    session.keys("fnobody<Tab><Tab><Tab><Tab>soon<Enter>");
    session.shows("must be a time");
    session.keys("<C-u>7d<Tab><Up><Up><Up>12345<Enter>");
    session.shows("must be 18 to 20 digits");
    session.keys("<C-u><Enter>");
    session.shows("No change fits");
    session.keys("<BS>e");
    let path = dir.path().join("log.csv");
    session.keys("<C-u>");
    session.paste(path.to_str().expect("UTF-8"));
    session.keys("<Enter>");
    let text = std::fs::read_to_string(&path).expect("written");
    assert!(text.starts_with("rev,at,by,via,kind,summary") && text.contains("suspended 1 SIM"), "{text}");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::History(_))));
    // A change without SIMs is shown whole.
    session.keys("<BS>f<Down><Down><Down><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Left><Enter><Enter>");
    session.shows("By: Ada Lindqvist");
}

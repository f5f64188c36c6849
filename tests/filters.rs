//! Filters on the screen: the line, the builder, chips, columns, saved filters, lists, exports.

mod common;

use common::{NOW, session, session_as};
use estate::{Cancel, Filter, Query, Role};
use simdeck::tui::harness::Session;
use simdeck::tui::hit::{self, Hit};
use simdeck::tui::msg::{Effect, Msg};
use simdeck::tui::overlay::Overlay;
use simdeck::tui::term::{Button, Event, Mouse, MouseKind};

#[track_caller]
fn shows(session: &Session, words: &str) {
    assert!(session.text().contains(words), "no \"{words}\" in\n{}", session.text());
}

fn click(session: &mut Session, button: Button, (x, y): (u16, u16)) {
    let mouse = |kind| Event::Mouse(Mouse { kind, x, y, ctrl: false, shift: false });
    session.event(mouse(MouseKind::Down(button)));
    session.event(mouse(MouseKind::Up));
}

/// The first place on the screen where a click would do that.
#[track_caller]
fn place(session: &Session, wanted: impl Fn(Hit) -> bool) -> (u16, u16) {
    let (width, height) = session.model.size;
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .find(|(x, y)| wanted(hit::at(&session.model, *x, *y)))
        .unwrap_or_else(|| panic!("nowhere in\n{}", session.text()))
}

/// Clicks where that would happen.
#[track_caller]
fn click_on(session: &mut Session, button: Button, wanted: impl Fn(Hit) -> bool) {
    let at = place(session, wanted);
    click(session, button, at);
}

/// The button of the top dialog that says so.
#[track_caller]
fn button(session: &Session, words: &str) -> (u16, u16) {
    let buttons = simdeck::tui::layout::buttons(&session.model);
    let found = buttons.iter().find(|(.., text)| text.contains(words));
    found.map_or_else(|| panic!("no {words} in {buttons:?}"), |(rect, ..)| (rect.x + 1, rect.y))
}

fn filter(session: &Session) -> String {
    session.model.query.filter.to_string()
}

fn count(session: &Session, text: &str) -> u64 {
    let query =
        Query { filter: Filter::parse(text).expect(text), ..Query::all(session.model.me.account, NOW) };
    session.estate.count(&query, &Cancel::new()).expect("count")
}

#[test]
fn the_builder_leads_through_a_condition_by_keys_alone() {
    let (_dir, mut session) = session((80, 24));
    session.keys("F");
    shows(&session, "All of these hold");
    shows(&session, "400 SIMs match");
    session.keys("<Enter>stat<Enter><Enter>");
    shows(&session, "alerted");
    session.keys("al<Enter>");
    let alerted = count(&session, "status=alerted");
    shows(&session, &format!("{alerted} SIMs match"));
    session.keys("a<Enter>used<Enter><Enter>lots<Enter>");
    shows(&session, "expected a size such as 500MB");
    session.keys("y");
    shows(&session, "cannot be read");
    session.keys("<Enter><C-u>1MB<Enter>ny");
    assert_eq!(filter(&session), "status=alerted -used>=1MB");
    assert_eq!(session.model.matching, Some(count(&session, "status=alerted -used>=1MB")));
    shows(&session, "[status=alerted ×] [-used>=1MB ×]");
}

#[test]
fn the_builder_works_by_mouse_alone() {
    let (_dir, mut session) = session((80, 24));
    let empty = session.model.matching;
    click_on(&mut session, Button::Left, |h| matches!(h, Hit::Action(a) if a.row().name == "menu"));
    let line = place(&session, |h| h == Hit::Item(10));
    click(&mut session, Button::Left, line);
    shows(&session, "Filter Builder");
    click_on(&mut session, Button::Left, |h| h == Hit::Cell(1, simdeck::tui::overlay::builder::Cell::Field));
    shows(&session, "ICCID");
    // Account Name is the first field that is offered; its list of accounts follows.
    click_on(&mut session, Button::Left, |h| h == Hit::Item(0));
    click_on(&mut session, Button::Left, |h| h == Hit::Item(0));
    click_on(&mut session, Button::Left, |h| h == Hit::Item(1));
    click_on(&mut session, Button::Left, |h| h == Hit::Tool('n'));
    let apply = button(&session, "Apply");
    click(&mut session, Button::Left, apply);
    let path = session.model.accounts.path(session.model.accounts.all()[1].id);
    assert_eq!(filter(&session), format!("-in:\"{path}\""));
    click_on(&mut session, Button::Left, |h| h == Hit::Chip(0));
    assert_eq!((filter(&session).as_str(), session.model.matching), ("", empty));
}

#[test]
fn groups_are_made_moved_and_taken_back_as_text() {
    let (_dir, mut session) = session((120, 40));
    session.keys("F<Tab>status=active (network:nord or network:tel)<BTab>");
    shows(&session, "Any of these holds");
    session.keys("<Home><Down><Down>o");
    shows(&session, "status=active (network:nord network:tel)");
    session.keys("<Down>dn");
    shows(&session, "-network:nord");
    session.keys("xKy");
    assert_eq!(Filter::parse(&filter(&session)), Ok(session.model.query.filter.clone()));
    session.keys("gr");
    shows(&session, "Recent filters");
    session.keys("<Enter>");
    session.keys("F");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Builder(_))));
    session.keys("r");
    shows(&session, "every SIM");
    session.keys("<Esc>");
    assert_ne!(filter(&session), "", "Esc changes nothing");
}

#[test]
fn the_filter_line_completes_colours_and_points_at_faults() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/netw<Tab>");
    shows(&session, "network:");
    shows(&session, "Tab takes");
    session.keys("<Down><Enter>");
    let first = session.model.known[&estate::Field::Network][0].0.clone();
    assert!(filter(&session).starts_with("network:") && filter(&session).contains(&first), "{first}");
    session.keys(" used>=lots");
    shows(&session, "expected a size");
    let before = session.model.matching;
    session.keys("<Enter>");
    shows(&session, "cannot be read yet");
    assert_eq!(session.model.matching, before, "what could be read last is still shown");
    session.keys("<Esc>");
    assert_eq!(filter(&session), "");
    session.keys("/status=x<BS>bl");
    click_on(&mut session, Button::Left, |h| h == Hit::Offered(0));
    assert_eq!(filter(&session), "status=blocked");
}

#[test]
fn chips_are_taken_away_one_by_one_and_the_list_follows() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/status=active session=yes used>1kB network:e<Enter>");
    let chip = place(&session, |h| h == Hit::Chip(1));
    click(&mut session, Button::Left, chip);
    assert_eq!(filter(&session), "status=active used>1kB network:e");
    session.keys("-1");
    assert_eq!(filter(&session), "used>1kB network:e");
    session.keys("-2");
    assert_eq!(filter(&session), "used>1kB");
    session.keys("-");
    assert_eq!((filter(&session).as_str(), session.model.matching), ("", Some(400)));
    session.keys("-");
    shows(&session, "there is no filter");
}

#[test]
fn accounts_are_filtered_by_from_the_column_and_from_the_tree() {
    let (_dir, mut session) = session((120, 40));
    let accounts = std::sync::Arc::clone(&session.model.accounts);
    let second = &accounts.all()[1];
    let path = accounts.path(second.id);
    click_on(&mut session, Button::Right, |h| h == Hit::Header(estate::Column::Account));
    shows(&session, "Filter by account name");
    session.keys("<Down><Down><Enter>");
    session.keys(&second.name);
    session.keys("<Enter>");
    assert_eq!(filter(&session), format!("in:{}", estate::filter::suggest::quoted(&path)));
    assert_eq!(session.model.matching, Some(second.subtree));
    session.keys("<BS><Tab><Down>=");
    assert_eq!(
        (filter(&session), session.model.query.under),
        (format!("in:{}", estate::filter::suggest::quoted(&path)), accounts.all()[0].id)
    );
    session.keys("<Tab>=");
    shows(&session, "Show only SIMs with the");
    session.keys("<Down><Enter>");
    assert!(filter(&session).contains("status="), "{}", filter(&session));
}

#[test]
fn digits_call_filters_and_take_them_away_again() {
    let (_dir, mut session) = session((80, 24));
    session.keys("2");
    assert_eq!(filter(&session), "status=blocked");
    shows(&session, "Blocked");
    session.keys("3");
    assert_eq!(filter(&session), "used_pct>=80 used_pct<100");
    session.keys("3");
    assert_eq!(filter(&session), "");
    session.keys("9");
    shows(&session, "9 calls no filter");
}

#[test]
fn a_saved_view_keeps_filter_columns_order_and_account() {
    let (_dir, mut session) = session((120, 40));
    let accounts = std::sync::Arc::clone(&session.model.accounts);
    let second = accounts.all()[1].id;
    session.keys("<Tab><Down><Tab>/status=active<Enter>s");
    session.keys("used<Enter>c<Down> <Esc>c<Down> <Enter>");
    let columns = session.model.columns.clone();
    assert_eq!(columns.get(estate::Column::Label), None);
    session.keys("gb");
    session.keys("North<Tab><Enter>");
    shows(&session, "saved as North");
    session.keys("bb7<Esc>");
    session.keys("<BS>c<Down> <Down> <Enter><Tab><Home><Tab>");
    let other = session.model.columns.clone();
    session.keys("7");
    assert_eq!((session.model.query.under, filter(&session).as_str()), (second, "status=active"));
    assert_eq!(session.model.query.sort.to_string(), "used:desc");
    assert_eq!(session.model.columns, columns);
    shows(&session, "North");
    session.keys("c<Down> <Enter>");
    let changed = session.model.columns.clone();
    session.keys("<BS>");
    assert_eq!(session.model.columns, other, "the usual columns come back");
    session.keys("7");
    assert_eq!(session.model.columns, changed, "what was changed in a view stays with it");
    session.keys("gb");
    session.keys("<C-u>north<Enter>");
    shows(&session, "Enter again replaces it");
    session.keys("<Enter>b");
    assert_eq!(session.model.saved.len(), 1);
    session.keys("n<C-u>South<Enter>");
    shows(&session, "South");
    session.keys("x");
    shows(&session, "x again deletes South");
    session.keys("x<Esc>");
    assert_eq!(session.model.saved, []);
}

#[test]
fn a_filter_whose_account_is_gone_finds_nothing_and_says_so() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Tab>+Doomed<Enter>");
    session.keys("<Tab>gb");
    session.keys("Of the doomed<Tab><Enter>");
    session.keys("<Tab>xy");
    assert!(session.model.accounts.find("Doomed").is_err(), "{}", session.text());
    session.keys("b<Enter>");
    assert_eq!((session.model.matching, session.model.table.rows.len()), (Some(0), 0));
    shows(&session, "no such account");
    shows(&session, "an account that is not there");
    session.keys("<BS><Tab>/in:/Nowhere<Enter>");
    assert_eq!(session.model.matching, Some(0));
    shows(&session, "no such account");
    session.keys("<BS>");
    assert_eq!(session.model.matching, Some(400));
}

#[test]
fn a_pasted_list_is_a_criterion_whose_misses_are_listed_and_exported() {
    let (dir, mut session) = session((100, 30));
    let iccids: Vec<String> =
        session.model.table.rows.iter().take(3).map(|r| r.row.sim.iccid.clone()).collect();
    let pasted =
        format!("ICCID\r\n{}F\r\n{}\r\n{}\r\n8988300000000000001\r\n", iccids[0], iccids[1], iccids[2]);
    session.keys("<Tab><Down><Tab>L");
    session.paste(&pasted).keys("<Enter>");
    shows(&session, "The list: 3 of 4 found");
    shows(&session, "8988300000000000001");
    assert_eq!(session.model.query.under, session.model.accounts.all()[0].id, "wherever they are");
    let file = dir.path().join("missing.csv");
    session.keys("e");
    session.keys(&format!("<C-u>{}<Enter>", file.display()));
    assert_eq!(std::fs::read_to_string(&file).expect("written"), "number\n8988300000000000001\n");
    session.keys("<Esc>");
    assert_eq!(session.model.matching, Some(3));
    session.keys("gi");
    shows(&session, "3 of 4 found");
    session.keys("s");
    session.keys("My list<Enter><Esc><BS>b<Enter>");
    assert_eq!(session.model.matching, Some(3), "a list is kept like any filter");
    let path = dir.path().join("list.csv");
    std::fs::write(&path, format!("label;iccid\nx;{}\n", iccids[1])).expect("written");
    session.keys("<BS>L");
    session.keys(&format!("{}<Enter>", path.display()));
    assert_eq!(session.model.matching, Some(1));
    session.keys("L");
    session.keys("no-such-file.csv<Enter>");
    shows(&session, "no-such-file.csv");
}

#[test]
fn sorting_takes_several_columns_and_headers_show_the_turns() {
    let (_dir, mut session) = session((120, 40));
    session.keys("sstat<Enter>");
    session.keys("gsused<Enter>");
    assert_eq!(session.model.query.sort.to_string(), "status,used:desc");
    shows(&session, "Status↑1");
    shows(&session, "Used↓2");
    click_on(&mut session, Button::Right, |h| h == Hit::Header(estate::Column::Label));
    session.keys("<Down><Enter>");
    assert_eq!(session.model.query.sort.to_string(), "status,used:desc,label");
    let sims: Vec<_> = session.model.table.rows.iter().map(|r| r.row.sim.clone()).collect();
    let place = |s: &estate::Sim| estate::Status::ALL.iter().position(|x| *x == s.status);
    assert!(sims.windows(2).all(
        |w| (place(&w[0]), std::cmp::Reverse(w[0].used)) <= (place(&w[1]), std::cmp::Reverse(w[1].used))
    ));
}

#[test]
fn what_stands_under_a_header_is_its_column_however_they_are_arranged() {
    let (_dir, mut session) = session((200, 50));
    session.keys("c<End> <Home><Down>JJJ<End>p<Enter>");
    let sim = session.model.table.rows[0].row.sim.clone();
    let text = session.text();
    let lines: Vec<&str> = text.lines().collect();
    let (header, row) = (lines[2], lines[3]);
    for (title, value) in [("Network", &sim.network), ("Label", &sim.label)] {
        let at = header.chars().position(|_| true).and(header.find(title)).expect(title);
        let column = header[..at].chars().count();
        let shown: String = row.chars().skip(column).take(4).collect();
        assert!(value.starts_with(shown.trim_end()), "{title}: {shown:?} of {value:?}\n{header}\n{row}");
    }
}

#[test]
fn an_export_takes_the_columns_on_the_screen_or_all() {
    let (dir, mut session) = session((120, 40));
    let export = |session: &mut Session, name: &str, keys: &str| {
        let path = dir.path().join(name);
        session.keys("e");
        session.keys(&format!("<C-u>{}{keys}<Enter>", path.display()));
        std::fs::read_to_string(&path).expect("written")
    };
    session.keys("/status=blocked<Enter>");
    let shown = export(&mut session, "shown.csv", "");
    assert!(
        shown.starts_with(
            "iccid,label,account_path,status,in_session,network,used_bytes,cap_bytes,used_pct,last_seen\n"
        ),
        "{shown}"
    );
    assert_eq!(shown.lines().count() as u64, count(&session, "status=blocked") + 1);
    let all = export(&mut session, "all.csv", "<Tab>");
    assert!(all.starts_with("id,iccid,imsi"));
    let json = export(&mut session, "some.json", "");
    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(read.as_array().map(Vec::len), Some(count(&session, "status=blocked") as usize));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(dir.path().join("all.csv")).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn an_export_shows_its_progress_and_can_be_stopped() {
    let (dir, mut session) = session((80, 24));
    session.hold = true;
    session.keys("e");
    session.keys(&format!("<C-u>{}/x.csv<Enter>", dir.path().display()));
    shows(&session, "Writing");
    session.msg(Msg::Writing(estate::Progress { phase: "writing", done: 200, total: 0 }));
    shows(&session, "200 of 400 SIMs");
    session.keys("q");
    assert!(!session.model.quitting);
    session.keys("<Esc>e");
    shows(&session, "another file is still being written");
    session.keys("qx");
    assert!(session.held.contains(&Effect::CancelExport), "{:?}", session.held);
    session.msg(Msg::Exported(dir.path().join("x.csv"), Err(estate::Error::Cancelled)));
    shows(&session, "was not written");
    assert!(session.model.overlays.is_empty());
}

#[test]
fn every_role_filters_and_a_read_only_session_saves_nothing() {
    let (_dir, mut session) = session_as((80, 24), Role::ViewOnly, false);
    session.keys("gb");
    session.keys("Mine<Enter>");
    assert_eq!(session.model.saved.len(), 1);
    let (_dir, mut read_only) = session_as((80, 24), Role::Admin, true);
    read_only.keys("gb");
    shows(&read_only, "read-only");
    read_only.keys("F<Tab>status=active<Enter>");
    assert_eq!(filter(&read_only), "status=active");
}

#[test]
fn every_dialog_at_every_size() {
    for size in [(40, 10), (60, 20), (80, 24), (120, 40), (200, 50), (300, 100)] {
        let (_dir, mut session) = session(size);
        for keys in [
            "F",
            "FaAnoKJ<Tab>x(",
            "c",
            "b",
            "ba",
            "L",
            "/stat",
            "/in:",
            "s",
            "-",
            "gr",
            "=",
            "F<Enter>",
            "F<Right><Right><Enter>",
        ] {
            session.keys(keys);
            session.text();
            session.keys("<Esc><Esc><Esc><Esc><Esc>");
        }
    }
}

#[test]
fn what_was_done_to_a_view_ends_with_it() {
    let (_dir, mut session) = session((120, 40));
    let cancel = Cancel::new();
    let put = |session: &Session, name: &str, filter: &str, columns: &[&str], sort: Option<&str>, digit| {
        let columns = columns
            .iter()
            .map(|name| estate::saved::SavedColumn { name: (*name).to_owned(), ..Default::default() })
            .collect();
        let saved = estate::Saved {
            name: name.into(),
            filter: filter.into(),
            sort: sort.map(str::to_owned),
            columns,
            digit,
            ..Default::default()
        };
        session.estate.edit_saved(&[estate::SavedEdit::Put(saved, true)]).expect("saved");
    };
    put(&session, "Empty", "", &["iccid", "eid"], None, Some(5));
    put(&session, "Sorted", "status=active", &[], Some("used:desc"), Some(6));
    put(&session, "View", "status=active", &["iccid", "imsi"], Some("imsi"), Some(7));
    let reread = |session: &mut Session| {
        let list = session.estate.saved(&cancel).expect("saved");
        session.msg(Msg::Saved(Ok(list), String::new()));
    };
    reread(&mut session);
    let usual = (session.model.columns.clone(), session.model.query.sort.clone());
    let now = |session: &Session| (session.model.columns.clone(), session.model.query.sort.clone());
    for keys in ["55", "5<BS>", "66", "6<BS>", "77", "7-<BS>", "7/x<Esc>7"] {
        session.keys(keys);
        assert_eq!(now(&session), usual, "after {keys}");
        assert_eq!(filter(&session), "", "after {keys}");
    }
    session.keys("7/ <BS>x<Esc>");
    shows(&session, "View");
    assert_eq!(session.model.query.sort.to_string(), "imsi", "Esc in the line brings the view back");
    session.keys("c<End> <Enter>7");
    put(&session, "View", "status=active", &["iccid", "msisdn"], Some("msisdn"), None);
    reread(&mut session);
    session.keys("7");
    assert_eq!(session.model.query.sort.to_string(), "msisdn", "what is saved anew counts");
    assert_eq!(session.model.columns.shown().len(), 2);
}

#[test]
fn several_moves_in_one_burst_move_one_filter() {
    let (_dir, mut session) = session((80, 24));
    for name in ["A", "B", "C", "D"] {
        let saved = estate::Saved { name: name.into(), filter: "status=active".into(), ..Default::default() };
        session.estate.edit_saved(&[estate::SavedEdit::Put(saved, false)]).expect("saved");
    }
    session.keys("b");
    session.hold = true;
    session.keys("JJ");
    session.release();
    let names: Vec<String> = session.model.saved.iter().map(|s| s.name.clone()).collect();
    assert_eq!(names, ["B", "C", "A", "D"]);
}

#[test]
fn nothing_is_lost_by_one_key_too_many() {
    let (dir, mut session) = session((80, 24));
    session.keys("/status=active<Enter><Esc><Esc>");
    assert_eq!(filter(&session), "status=active", "Esc leaves the filter");
    session.keys("Fn<Esc>");
    shows(&session, "Esc again drops");
    session.keys("<Esc>");
    assert!(session.model.overlays.is_empty());
    let path = dir.path().join("taken.csv");
    std::fs::write(&path, "mine").expect("written");
    session.keys("e");
    session.keys(&format!("{}<Enter>", path.display()));
    shows(&session, "exists already");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Prompt(_))), "the dialog is there again");
    session.keys("<Esc>/bl");
    click_on(&mut session, Button::Right, |h| h == Hit::Row(0));
    assert!(session.model.search.is_none(), "the line ends where something else is clicked");
}

#[test]
fn accounts_take_each_others_place_and_paths_become_names() {
    let (_dir, mut session) = session((120, 40));
    let accounts = std::sync::Arc::clone(&session.model.accounts);
    session.keys("<Tab><Down>=<Tab>");
    session.keys("<Tab><Home><Down><Down>=<Tab>");
    let third = accounts
        .path(session.model.accounts.all().iter().filter(|a| a.depth == 1).nth(1).expect("second").id);
    assert_eq!(filter(&session), format!("in:{}", estate::filter::suggest::quoted(&third)));
    session.keys("F<Left><Enter><Down><Down><Enter>");
    shows(&session, "is            ");
    let name = estate::split_path(&third).expect("path").pop().expect("name");
    session.keys("y");
    assert_eq!(filter(&session), format!("account={}", estate::filter::suggest::quoted(&name)));
}

#[test]
fn a_list_of_very_many_numbers_is_no_burden() {
    let (_dir, mut session) = session((80, 24));
    let numbers: Vec<String> = (0..20_000).map(|n| format!("8988300{n:012}")).collect();
    session.paste(&numbers.join("\n")).keys("f");
    assert_eq!(session.model.matching, Some(0));
    session.keys("<Esc>F");
    for _ in 0..200 {
        session.buffer();
    }
    session.keys("<Esc>L");
    session.paste(&vec!["8988300000000000001"; 100_001].join("\n")).keys("<Enter>");
    shows(&session, "more than 100000");
}

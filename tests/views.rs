//! Views on the screen: saved filters, columns, orders, exports.

mod common;

use common::{session, session_as};
use estate::{CancelToken, Role};
use simdeck::tui::harness::Session;
use simdeck::tui::hit_test::Hit;
use simdeck::tui::msg::{Effect, Msg};
use simdeck::tui::term::Button;

#[test]
fn digits_call_filters_and_take_them_away_again() {
    let (_dir, mut session) = session((80, 24));
    session.keys("2");
    assert_eq!(session.filter(), "status=blocked");
    session.shows("Blocked");
    session.keys("3");
    assert_eq!(session.filter(), "used_pct>=80 used_pct<100");
    session.keys("3");
    assert_eq!(session.filter(), "");
    session.keys("9");
    session.shows("9 calls no filter");
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
    session.shows("saved as North");
    session.keys("bb7<Esc>");
    session.keys("<BS>c<Down> <Down> <Enter><Tab><Home><Tab>");
    let other = session.model.columns.clone();
    session.keys("7");
    assert_eq!((session.model.query.under, session.filter().as_str()), (second, "status=active"));
    assert_eq!(session.model.query.sort.to_string(), "used:desc");
    assert_eq!(session.model.columns, columns);
    session.shows("North");
    session.keys("c<Down> <Enter>");
    let changed = session.model.columns.clone();
    session.keys("<BS>");
    assert_eq!(session.model.columns, other, "the usual columns come back");
    session.keys("7");
    assert_eq!(session.model.columns, changed, "what was changed in a view stays with it");
    session.keys("gb");
    session.keys("<C-u>north<Enter>");
    session.shows("Enter again replaces it");
    session.keys("<Enter>b");
    assert_eq!(session.model.saved.len(), 1);
    session.keys("n<C-u>South<Enter>");
    session.shows("South");
    session.keys("x");
    session.shows("x again deletes South");
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
    session.shows("no such account");
    session.shows("an account that is not there");
    session.keys("<BS><Tab>/in:/Nowhere<Enter>");
    assert_eq!(session.model.matching, Some(0));
    session.shows("no such account");
    session.keys("<BS>");
    assert_eq!(session.model.matching, Some(400));
}

#[test]
fn sorting_takes_several_columns_and_headers_show_the_turns() {
    let (_dir, mut session) = session((120, 40));
    session.keys("sstat<Enter>");
    session.keys("gsused<Enter>");
    assert_eq!(session.model.query.sort.to_string(), "status,used:desc");
    session.shows("Status↑1");
    session.shows("Used↓2");
    session.click_on(Button::Right, |h| h == Hit::Header(estate::Column::Label));
    session.keys("<Down><Enter>");
    assert_eq!(session.model.query.sort.to_string(), "status,used:desc,label");
    let sims: Vec<_> = session.model.table.rows.iter().map(|r| r.row.sim.clone()).collect();
    let place = |s: &estate::Sim| estate::Status::ALL.iter().position(|x| *x == s.status);
    assert!(
        sims.windows(2).all(|w| (place(&w[0]), std::cmp::Reverse(w[0].used))
            <= (place(&w[1]), std::cmp::Reverse(w[1].used)))
    );
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
        let at = header.find(title).expect(title);
        let column = header[..at].chars().count();
        let shown: String = row.chars().skip(column).take(4).collect();
        assert!(
            !shown.trim().is_empty() && value.starts_with(shown.trim_end()),
            "{title}: {shown:?} of {value:?}\n{header}\n{row}"
        );
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
    assert_eq!(shown.lines().count() as u64, session.count("status=blocked") + 1);
    let all = export(&mut session, "all.csv", "<Tab><Right>");
    assert!(all.starts_with("id,iccid,imsi"));
    let json = export(&mut session, "some.json", "");
    assert!(json.contains("\"managed\":true"), "the last choice of fields stands");
    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(read.as_array().map(Vec::len), Some(session.count("status=blocked") as usize));
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
    session.shows("Writing");
    session.msg(Msg::Writing(estate::Progress { phase: "writing", done: 200, total: 0 }));
    session.shows("200 of 400 SIMs");
    session.keys("q");
    assert!(!session.model.quitting);
    session.keys("<Esc>e");
    session.shows("another file is still being written");
    session.keys("qx");
    assert!(session.held.contains(&Effect::CancelExport), "{:?}", session.held);
    session.msg(Msg::Exported(dir.path().join("x.csv"), Err(estate::Error::Cancelled)));
    session.shows("was not written");
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
    read_only.shows("read-only");
    read_only.keys("F<Tab>status=active<Enter>");
    assert_eq!(read_only.filter(), "status=active");
}

#[test]
fn what_was_done_to_a_view_ends_with_it() {
    let (_dir, mut session) = session((120, 40));
    let cancel = CancelToken::new();
    let put =
        |session: &Session, name: &str, filter: &str, columns: &[&str], sort: Option<&str>, digit| {
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
        let list = session.estate.saved_filters(&cancel).expect("saved");
        session.msg(Msg::Saved(Ok(list), String::new()));
    };
    reread(&mut session);
    let usual = (session.model.columns.clone(), session.model.query.sort.clone());
    let now = |session: &Session| (session.model.columns.clone(), session.model.query.sort.clone());
    for keys in ["55", "5<BS>", "66", "6<BS>", "77", "7-<BS>", "7/x<Esc>7"] {
        session.keys(keys);
        assert_eq!(now(&session), usual, "after {keys}");
        assert_eq!(session.filter(), "", "after {keys}");
    }
    session.keys("7/ <BS>x<Esc>");
    session.shows("View");
    assert_eq!(session.model.query.sort.to_string(), "imsi", "Esc in the line brings the view back");
    session.keys("c<End> <Enter>7");
    put(&session, "View", "status=active", &["iccid", "msisdn"], Some("msisdn"), None);
    reread(&mut session);
    session.keys("7");
    assert_eq!(session.model.query.sort.to_string(), "msisdn", "what is saved anew counts");
    assert_eq!(session.model.columns.shown_columns().len(), 2);
}

#[test]
fn several_moves_in_one_burst_move_one_filter() {
    let (_dir, mut session) = session((80, 24));
    for name in ["A", "B", "C", "D"] {
        let saved =
            estate::Saved { name: name.into(), filter: "status=active".into(), ..Default::default() };
        session.estate.edit_saved(&[estate::SavedEdit::Put(saved, false)]).expect("saved");
    }
    session.keys("b");
    session.hold = true;
    session.keys("JJ");
    session.release();
    let names: Vec<String> = session.model.saved.iter().map(|s| s.name.clone()).collect();
    assert_eq!(names, ["B", "C", "A", "D"]);
}
